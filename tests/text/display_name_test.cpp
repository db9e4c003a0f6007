#include "text/display_name.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::text;
using namespace std::string_literals;

namespace {

std::string name(std::string_view text) {
  const auto value = normalize_display_name(text);
  return value ? *value : "refused: " + value.error().detail;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += part;
  return text;
}

} // namespace

CAF_TEST(a name is composed and trimmed) {
  const std::pair<std::string, std::string> rows[]{
    {" \t\r\nAnn Lee\n ", "Ann Lee"},
    {u8"\u00a0\u3000Ann\u2003", "Ann"},
    {u8"Jose\u0301", u8"Jos\u00e9"},
    {u8"Ann\u00a0Lee", u8"Ann\u00a0Lee"},
    {u8"\u0645\u06cc\u200c\u062e", u8"\u0645\u06cc\u200c\u062e"},     // a joiner that Persian needs
    {u8"\U0001f468\u200d\U0001f469", u8"\U0001f468\u200d\U0001f469"}, // and one that emoji need
    {u8"\u05d0\u200f!", u8"\u05d0\u200f!"},                           // a mark of direction
    {"?", "?"},
    {u8"\u0e01\u0e33", u8"\u0e01\u0e33"},
  };
  for (const auto& [given, stored] : rows)
    CAF_CHECK_EQUAL(name(given), stored);
}

CAF_TEST(a name that cannot be shown is refused with the reason) {
  const std::pair<std::string, std::string_view> rows[]{
    {"", "1 to 64"},
    {"  ", "1 to 64"},
    {u8"\u00a0\u3000", "1 to 64"},
    {u8"\u200b", "visible"},
    {u8"\u200d\u200d", "visible"},
    {u8"\u00ad", "visible"},
    {u8"\u3164", "visible"},
    {u8"\u115f\u1160", "visible"},
    {u8"\uffa0", "visible"},
    {u8"\u2800", "visible"},
    {u8"\u0301", "visible"}, // a mark without a base
    {u8"\U000e0041", "visible"},
    {u8"\ufe0f \u200b", "visible"},
    {"a\tb", "control"},
    {"a\x7f", "control"},
    {u8"a\u0085b", "control"},
    {"a\0"s, "control"},
    {u8"a\u2028b", "separators"},
    {u8"a\u2029b", "separators"},
    {u8"a\u202eb", "direction"},
    {u8"\u2066a\u2069", "direction"},
    {u8"a\u0378", "assigned"},
    {u8"a\uffff", "assigned"},
    {"\xff", "UTF-8"},
  };
  for (const auto& [text, why] : rows) {
    const auto said = name(text);
    CAF_MESSAGE(said << " for " << why);
    CAF_CHECK(said.find("refused: ") == 0 && said.find(why) != std::string::npos);
  }
}

CAF_TEST(a name has up to 64 code points as it is stored) {
  for (const std::string& one : {"x"s, u8"\u00e9"s, u8"\U0001f600"s}) {
    CAF_CHECK_EQUAL(name(repeated(one, 64)), repeated(one, 64));
    CAF_CHECK_EQUAL(name(repeated(one, 65)), "refused: must have 1 to 64 characters.");
  }
  CAF_CHECK_EQUAL(name(repeated(u8"e\u0301", 64)), repeated(u8"\u00e9", 64));
}
