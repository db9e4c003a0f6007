#include "caf/test/unit_test.hpp"

#include "core/model.hpp"
#include "core/utf8.hpp"

#include <limits>

using namespace portcullis;

namespace {

std::string normalized(identity_kind kind, std::string_view text) {
  std::string reason;
  const auto value = normalize_external_id(kind, text, &reason);
  return value ? *value : "refused: " + reason;
}

std::string email(std::string_view text) {
  return normalized(identity_kind::email, text);
}

std::string telegram(std::string_view text) {
  return normalized(identity_kind::telegram, text);
}

/// Whether an address is refused, with a reason.
bool is_refused(std::string_view text) {
  return email(text).size() > std::string_view{"refused: "}.size() && email(text).compare(0, 9, "refused: ") == 0;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i)
    text += part;
  return text;
}

} // namespace

CAF_TEST(kinds have words) {
  for (const auto kind : {identity_kind::telegram, identity_kind::email})
    CAF_CHECK(parse_identity_kind(to_string(kind)) == kind);
  CAF_CHECK_EQUAL(std::string{to_string(identity_kind::email)}, "email");
  CAF_CHECK_EQUAL(std::string{to_string(identity_kind::telegram)}, "telegram");
  for (const char* text : {"", "Email", "email ", "phone"})
    CAF_CHECK(!parse_identity_kind(text));
}

CAF_TEST(an address is trimmed and put into lower case) {
  CAF_CHECK_EQUAL(email(" \t\r\nAda.Lovelace+Notes@Example.COM\n "), "ada.lovelace+notes@example.com");
  CAF_CHECK_EQUAL(email("a@b"), "a@b");
  CAF_CHECK_EQUAL(email("o'brien!#$%&*+-/=?^_`{|}~@xn--bcher-kva.example"),
                  "o'brien!#$%&*+-/=?^_`{|}~@xn--bcher-kva.example");
  CAF_CHECK_EQUAL(email("J\xc3\x9cRGEN@B\xc3\xbc"
                        "cher.example"),
                  "j\xc3\x9crgen@b\xc3\xbc"
                  "cher.example"); // beyond ASCII as it is
}

CAF_TEST(an address that is none is refused) {
  for (const char* text :
       {"",        "   ",    "a",      "@",       "a@",      "@b",    "a@@b",          "a@b@c",
        "a b@c",   "a@b c",  "a\t@b",  "a\x01@b", "a\x7f@b", ".a@b",  "a.@b",          "a..b@c",
        "a@.b",    "a@b.",   "a@b..c", "a@-b",    "a@b-",    "a@b_c", "a@[127.0.0.1]", "\"a b\"@c",
        "\"a\"@b", "a(c)@b", "a,b@c",  "<a@b>",   "a@b>",    "a;b@c", "a:b@c",         "a\\b@c"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(is_refused(text));
  }
  CAF_CHECK(is_refused("a\xff@b"));
  CAF_CHECK(is_refused("a@b\xc3"));
  CAF_CHECK(is_refused({"a\0@b", 4}));
  CAF_CHECK(is_refused({"a@b\0", 4}));
}

CAF_TEST(the parts of an address have limits) {
  const std::string local(64, 'l');
  const std::string label(63, 'd');
  CAF_CHECK_EQUAL(email(local + "@" + label), local + "@" + label);
  CAF_CHECK(is_refused(local + "l@" + label));
  CAF_CHECK(is_refused(local + "@" + label + "d"));
  const auto long_domain = repeated(label.substr(0, 62) + ".", 3);               // 189 bytes
  CAF_CHECK_EQUAL(email(local + "@" + long_domain).compare(0, 7, "refused"), 0); // ends in a dot
  const auto longest = local.substr(0, 60) + "@" + long_domain + "comx";         // 60 + 1 + 189 + 4
  CAF_CHECK_EQUAL(longest.size(), 254u);
  CAF_CHECK_EQUAL(email(longest), longest);
  CAF_CHECK_EQUAL(email(" " + longest + " "), longest);
  CAF_CHECK(is_refused("l" + longest));
}

CAF_TEST(a Telegram id is the decimal text of a positive number of 63 bits) {
  CAF_CHECK_EQUAL(telegram("1"), "1");
  CAF_CHECK_EQUAL(telegram(" 123456789\n"), "123456789");
  CAF_CHECK_EQUAL(telegram("9223372036854775807"), "9223372036854775807");
  for (const char* text :
       {"", " ", "0", "-1", "+1", "01", "1.0", "1 2", "0x1", "a", "9223372036854775808", "99999999999999999999"}) {
    CAF_MESSAGE(text);
    CAF_CHECK_EQUAL(telegram(text).compare(0, 19, "refused: A Telegram"), 0);
  }
  CAF_CHECK(!normalize_external_id(identity_kind::telegram, {"1\0", 2}, nullptr));
}

CAF_TEST(a cursor is read and written) {
  for (const auto& c :
       {cursor{0, 0}, cursor{1, 10}, cursor{0x0123456789abcdef, 42},
        cursor{std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()}})
    CAF_CHECK(cursor::parse(to_string(c)) == c);
  CAF_CHECK_EQUAL(to_string(cursor{0x0123456789abcdef, 42}), "0123456789abcdef-42");
  CAF_CHECK_EQUAL(to_string(cursor{1, 0}), "0000000000000001-0");
}

CAF_TEST(other forms of a cursor are refused) {
  for (const char* text :
       {"", "-", "0123456789abcdef", "0123456789abcdef-", "123456789abcdef-1", "00123456789abcdef-1",
        "0123456789ABCDEF-1", "0123456789abcdeg-1", "0123456789abcdef-+1", "0123456789abcdef--1",
        "0123456789abcdef-01", "0123456789abcdef-00", "0123456789abcdef-1 ", " 0123456789abcdef-1",
        "0123456789abcdef-1x", "0123456789abcdef- 1", "0123456789abcdef_1",
        "0123456789abcdef-18446744073709551616", "0123456789abcdef-99999999999999999999999"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!cursor::parse(text));
  }
  CAF_CHECK(!cursor::parse({"0123456789abcdef-1\0", 19}));
}

CAF_TEST(invalid UTF8 is told from valid) {
  for (const char* text :
       {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82z"})
    CAF_CHECK(is_valid_utf8(text));
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf", "\xe1\x80",
        "\xe1\x80\x7f", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80", "\xf1\x80\x80\xc0",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3"})
    CAF_CHECK(!is_valid_utf8(text));
}
