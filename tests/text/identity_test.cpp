#include "text/identity.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::text;
using namespace std::string_literals;

namespace {

std::string normalized(identity_kind kind, std::string_view text) {
  const auto value = normalize_external_id(kind, text);
  return value ? *value : "refused: " + value.error().detail;
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

std::string prefix(std::string_view text) {
  return fold_identity_prefix(text).value_or("none");
}

} // namespace

CAF_TEST(an address is trimmed and put into lower case) {
  CAF_CHECK_EQUAL(email(" \t\r\nAda.Lovelace+Notes@Example.COM\n "), "ada.lovelace+notes@example.com");
  CAF_CHECK_EQUAL(email("a@b"), "a@b");
  CAF_CHECK_EQUAL(email("o'brien!#$%&*+-/=?^_`{|}~@xn--bcher-kva.example"),
                  "o'brien!#$%&*+-/=?^_`{|}~@xn--bcher-kva.example");
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
  CAF_CHECK(!normalize_telegram_id({"1\0", 2}));
}

CAF_TEST(a person who is written in two ways is one) {
  const std::vector<std::vector<std::string>> same{
    {u8"jos\u00e9@example.org", u8"JOS\u00c9@example.org", u8"jose\u0301@EXAMPLE.org", u8"JOSE\u0301@example.org"},
    {"ann@xn--exmple-cua.org", u8"ann@ex\u00e4mple.org", u8"Ann@EX\u00c4MPLE.ORG", u8"ann@exa\u0308mple.org",
     "ann@XN--EXMPLE-CUA.org", u8"ann@ex\u00e4mple\u3002org", u8"ann@\uff45x\u00e4mple.org"},
    {"strasse@a.example", u8"stra\u00dfe@a.example", u8"STRA\u1e9eE@a.example"},
    {u8"\u03c3\u03bf\u03c6\u03cc\u03c3@a.example", u8"\u03a3\u039f\u03a6\u038c\u03a3@a.example",
     u8"\u03c3\u03bf\u03c6\u03cc\u03c2@a.example"},
    {"kim@a.example", u8"\u212aim@a.example"},
    {"ann@xn--fa-hia.de", u8"ann@fa\u00df.de"}, // non-transitional: not fass.de
  };
  for (const auto& spellings : same)
    for (const auto& spelling : spellings)
      CAF_CHECK_EQUAL(email(spelling), spellings.front());
  CAF_CHECK_NOT_EQUAL(email("jose@example.org"), email(u8"jos\u00e9@example.org"));
  CAF_CHECK_NOT_EQUAL(email("ann@fass.de"), email(u8"ann@fa\u00df.de"));
}

CAF_TEST(what is stored is left as it is) {
  for (const std::string& text :
       {u8"JOSE\u0301+x@EX\u00c4MPLE.org"s, u8"\u0130stanbul@a.example"s, u8"\u1fb7\u0345@a.example"s,
        u8"\u13a0\uab70@a.example"s, "A@B"s, u8"\u01f0@\u0431.\u0440\u0444"s}) {
    const auto once = email(text);
    CAF_CHECK(!is_refused(text));
    CAF_CHECK_EQUAL(email(once), once);
  }
}

CAF_TEST(what nobody sees is refused with the reason) {
  const std::pair<std::string, std::string_view> rows[]{
    {u8"\u00a0", "white space"},   {u8"\u2003", "white space"},  {u8"\u3000", "white space"},
    {u8"\u2028", "white space"},   {u8"\u0085", "white space"},  {" ", "white space"},
    {"\x01", "control"},           {u8"\u009f", "control"},      {u8"\u200b", "format characters"},
    {u8"\u200d", "format"},        {u8"\u00ad", "format"},       {u8"\u202e", "format"},
    {u8"\u2066", "format"},        {u8"\ufeff", "format"},       {u8"\u061c", "format"},
    {u8"\U000e0041", "format"},    {u8"\u034f", "invisible"},    {u8"\ufe0f", "invisible"},
    {u8"\u3164", "invisible"},     {u8"\u0378", "not assigned"}, {u8"\uffff", "not assigned"},
    {u8"\U000e0fff", "invisible"}, // reserved to be ignorable
  };
  for (const auto& [character, why] : rows)
    for (const auto& address : {"a" + character + "b@c.example", "ab@c" + character + "d.example",
                                character + "ab@c.example.", "ab" + character + "@c.example"}) {
      const auto said = email(character == " " ? "a b@c.example" : address);
      if (said.find("refused: ") != 0 || said.find(why) == std::string::npos)
        CAF_ERROR(said << " is not for " << why);
    }
  CAF_CHECK(is_refused(u8"\u00a0ab@c.example"));
  CAF_CHECK(is_refused(u8"ab@c.example\u200b"));
}

CAF_TEST(a domain that UTS 46 refuses is refused) {
  for (const auto& domain :
       {"xn--"s, "xn--a"s, "xn--0"s, u8"\u2024example"s, u8"a\u2260b.example"s, u8"\u05d0a.example"s,
        "xn--55qw42g-.example"s, "a.example."s, u8"a.example\u3002"s, u8"a\uff0fb.example"s, "a_b.example"s,
        u8"\u0301a.example"s, "xn--fuball-cta.xn--a-"s, repeated("a.", 127) + "example"})
    CAF_CHECK(is_refused("ann@" + domain));
  CAF_CHECK_EQUAL(email("ann@r3--sn.example"), "ann@r3--sn.example");
}

CAF_TEST(limits count what is stored) {
  CAF_CHECK_EQUAL(email(repeated(u8"e\u0301", 32) + "@a"), repeated(u8"\u00e9", 32) + "@a"); // 96 bytes become 64
  CAF_CHECK(is_refused(repeated(u8"\u00e9", 33) + "@a"));
  CAF_CHECK(is_refused(repeated(u8"\u00df", 33) + "@a")); // ss
  CAF_CHECK(is_refused("ann@" + repeated(u8"\u00e4", 63) + ".example"));
  CAF_CHECK(is_refused("a@" + std::string(2000000, 'b')));
}

CAF_TEST(a prefix is folded as the ids are) {
  CAF_CHECK_EQUAL(prefix("Ann"), "ann");
  CAF_CHECK_EQUAL(prefix("42"), "42");
  CAF_CHECK_EQUAL(prefix(u8"JOSE\u0301"), u8"jos\u00e9");
  CAF_CHECK_EQUAL(prefix(u8"STRA\u00dfE@"), "strasse@");
  CAF_CHECK_EQUAL(prefix("ann@EXAM"), "ann@exam");
  CAF_CHECK_EQUAL(prefix("ann@exam-"), "ann@exam-");
  CAF_CHECK_EQUAL(prefix(u8"ann@EX\u00c4MPLE."), "ann@xn--exmple-cua.");
  CAF_CHECK_EQUAL(prefix(u8"ann@EX\u00c4MPLE.O"), "ann@xn--exmple-cua.o");
  CAF_CHECK_EQUAL(prefix(u8"ann@EX\u00c4MPLE"), "ann@xn--exmple-cua");
  CAF_CHECK_EQUAL(prefix("ann@xn--exm"), "ann@xn--exm");
  CAF_CHECK_EQUAL(prefix("ann@a.XN--exm"), "ann@a.xn--exm");
  for (const auto& none : {""s, "a\0"s, "\xff"s, u8"a\u200b"s, std::string(255, 'a'), " a"s})
    CAF_CHECK_EQUAL(prefix(none), "none");
}
