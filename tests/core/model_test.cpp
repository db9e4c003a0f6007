#include "caf/test/unit_test.hpp"

#include "core/model.hpp"
#include "core/utf8.hpp"

#include <limits>

using namespace portcullis;

CAF_TEST(kinds have words) {
  for (const auto kind : {identity_kind::telegram, identity_kind::email})
    CAF_CHECK(parse_identity_kind(to_string(kind)) == kind);
  CAF_CHECK_EQUAL(std::string{to_string(identity_kind::email)}, "email");
  CAF_CHECK_EQUAL(std::string{to_string(identity_kind::telegram)}, "telegram");
  for (const char* text : {"", "Email", "email ", "phone"})
    CAF_CHECK(!parse_identity_kind(text));
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
