#include "text/device.hpp"

#include "core/utf8.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::text;
using namespace std::string_literals;

namespace {

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += part;
  return text;
}

} // namespace

CAF_TEST(controls are dropped and the rest stays) {
  CAF_CHECK_EQUAL(storable_text("Pixel 8", 128), "Pixel 8");
  CAF_CHECK_EQUAL(storable_text("", 128), "");
  CAF_CHECK_EQUAL(storable_text("a\0b\r\n\x1b[31m\x7f"s, 128), "ab[31m");
  CAF_CHECK_EQUAL(storable_text(u8"a\u0085\u2028\u00e9\u200d", 128), u8"a\u00e9\u200d");
  CAF_CHECK_EQUAL(storable_text(u8"a\u0001\u00e9\xffz", 128), u8"a\u00e9\ufffdz");
  CAF_CHECK_EQUAL(storable_text(repeated(std::string(1, '\0'), 5000) + "a", 4), "a");
}

CAF_TEST(a text is cut before the character that does not fit) {
  const std::string family = u8"\U0001f468\u200d\U0001f469\u200d\U0001f467"; // one picture of 18 bytes
  struct row {
    std::string text;
    std::size_t bytes_max;
    std::string stored;
  };
  const row rows[]{
    {"abcd", 4, "abcd"},
    {"abcde", 4, "abcd"},
    {u8"abc\u00e9", 4, "abc"},
    {u8"ab\u00e9x", 4, u8"ab\u00e9"},
    {u8"abe\u0301", 4, "ab"}, // not an e that lost its accent
    {u8"abe\u0301x", 5, u8"abe\u0301"},
    {"a" + family + "b", 18, "a"},
    {"a" + family + "b", 19, "a" + family},
    {u8"a\u0301\u0301\u0301\u0301", 4, u8"a\u0301"}, // one character alone is longer
    {u8"\U0001f600", 3, ""},
    {"abc\r\ndef", 4, "abcd"},
  };
  for (const auto& [text, bytes_max, stored] : rows)
    CAF_CHECK_EQUAL(storable_text(text, bytes_max), stored);
}

CAF_TEST(every cut is well formed) {
  const std::string text = u8"a\u00e9\u20ac\U0001f600e\u0301\U0001f1e9\U0001f1ea\u1100\u1161";
  for (std::size_t bytes_max = 0; bytes_max <= text.size() + 1; ++bytes_max) {
    const auto stored = storable_text(text, bytes_max);
    CAF_CHECK(stored.size() <= bytes_max && is_valid_utf8(stored) && text.compare(0, stored.size(), stored) == 0);
  }
}

CAF_TEST(an address loses what is around it) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"203.0.113.7", "203.0.113.7"},
    {"203.0.113.7:54321", "203.0.113.7"},
    {"203.0.113.7:", "203.0.113.7"},
    {" 203.0.113.7\n", "203.0.113.7"},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[2001:db8::1]:443", "2001:db8::1"},
    {"fe80::1%eth0", "fe80::1"},
    {"[fe80::1%25eth0]:80", "fe80::1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"::FFFF:c000:201", "192.0.2.1"},
    {"[::ffff:192.0.2.1]:1", "192.0.2.1"},
    {"[203.0.113.7]:80", "203.0.113.7"},
    {"::", "::"},
    {"::1", "::1"},
  };
  for (const auto& [text, stored] : rows)
    CAF_CHECK_EQUAL(storable_address(text), stored);
}

CAF_TEST(what is no address is dropped) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "unknown"s,
                                  "localhost:80"s,
                                  "999.0.2.1"s,
                                  "192.0.2"s,
                                  "192.0.2.01"s,
                                  "0x7f.1"s,
                                  "1.2.3.4/8"s,
                                  "1.2.3.4:99999"s,
                                  "1.2.3.4:8a"s,
                                  "1.2.3.4:80:80"s,
                                  "1.2.3.4%eth0"s,
                                  "1.2.3.4, 5.6.7.8"s,
                                  "[::1"s,
                                  "::1]"s,
                                  "[::1]x"s,
                                  "[::1]:70000"s,
                                  "[]"s,
                                  "[]:80"s,
                                  "["s,
                                  "]"s,
                                  ":"s,
                                  ":80"s,
                                  "%"s,
                                  "%eth0"s,
                                  "1:2:3:4:5:6:7:8:9"s,
                                  "_hidden"s,
                                  "1.2.3.4\0"s,
                                  std::string(100000, '1'),
                                  "\"[2001:db8::1]\""s})
    CAF_CHECK_EQUAL(storable_address(text), "");
}
