#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string id = "0190b8a0-0000-7000-8000-000000000001";
const std::string mail = R"("identity":{"kind":"email","external_id":"a@b.example"})";

template <class T>
std::string outcome(const result<T>& result) {
  return result ? "accepted" : std::string{to_string(result.error().code)} + ": " + result.error().detail;
}

/// Checks the code, and that the sentence names what it is about.
template <class T>
void check_refused(const result<T>& result, std::string_view code, std::string_view about) {
  const auto text = outcome(result);
  CAF_CHECK_EQUAL(text.substr(0, text.find(':')), code);
  if (text.find(about) == std::string::npos)
    CAF_ERROR(text << " does not speak of " << about);
}

std::string quoted(std::string_view text) {
  return "\"" + std::string{text} + "\"";
}

std::string device_with(std::string_view member, std::string_view value) {
  return R"({"device":{")" + std::string{member} + R"(":)" + std::string{value} + "}}";
}

device device_of(std::string_view body) {
  const auto result = decode_guest_mint(body);
  CAF_REQUIRE_EQUAL(outcome(result), "accepted");
  return result->device;
}

/// The display name that is read, `none`, or the word of the failure.
std::string name_of(std::string_view value) {
  const auto result = decode_account("{" + mail + R"(,"display_name":)" + std::string{value} + "}");
  if (!result)
    return std::string{to_string(result.error().code)};
  return result->display_name.value_or("none");
}

std::string times(std::size_t count, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += text;
  return out;
}

} // namespace

CAF_TEST(what is not one JSON object is malformed) {
  for (const std::string_view body :
       {"{", "}", " ", "{} {}", "{}x", "{\"a\":1,}", "{a:1}", "{'a':1}", "\xEF\xBB\xBF{}", "{\"a\":\"\xFF\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\n\"}", "{\"a\":NaN}", "// c\n{}"})
    check_refused(decode_guest_mint(body), "body_malformed", "not valid JSON");
  for (const std::string_view body : {"null", "[]", "1", "\"{}\"", "true"})
    check_refused(decode_guest_mint(body), "body_malformed", "must be a JSON object");
}

CAF_TEST(nesting has a bound) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + times(depth, "[") + times(depth, "]") + "}"; // the object is one level
  };
  CAF_CHECK_EQUAL(outcome(decode_guest_mint(nested(7))), "accepted");
  check_refused(decode_guest_mint(nested(8)), "body_malformed", "nested");
  check_refused(decode_guest_mint(nested(30000)), "body_malformed", "nested");
}

CAF_TEST(members that are not known are ignored) {
  CAF_CHECK_EQUAL(device_of(R"({"more":[1,{"a":null}],"device":{"label":"a","more":1}})").label, "a");
}

CAF_TEST(two members of the same name are malformed wherever they are) {
  for (const std::string_view body :
       {R"({"device":{"label":"a"},"device":{"label":"b"}})", R"({"device":{"label":"a","label":"b"}})",
        R"({"device":{"label":"a","l\u0061bel":"a"}})", R"({"more":1,"more":1})", R"({"more":[{"a":1,"a":2}]})"})
    check_refused(decode_guest_mint(body), "body_malformed", "two members of the same name");
  check_refused(decode_revocation(R"({"reason":"a","reason":"b"})", ""), "body_malformed", "same name");
  CAF_CHECK_EQUAL(outcome(decode_guest_mint(R"({"label":"a","device":{"label":"b"}})")), "accepted");
}

CAF_TEST(what is not said is empty) {
  for (const std::string_view body : {"", "{}", R"({"device":null})", R"({"device":{}})",
                                      R"({"device":{"label":null,"user_agent":null,"ip":null}})",
                                      R"({"device":{"label":"","user_agent":"","ip":""}})"})
    CAF_CHECK(device_of(body) == device{});
}

CAF_TEST(a device is read) {
  CAF_CHECK(device_of(R"({"device":{"label":"Pixel 8","user_agent":"ua/1 \u00e9","ip":"192.0.2.1"}})")
            == (device{"Pixel 8", "ua/1 \xC3\xA9", "192.0.2.1"}));
}

CAF_TEST(an address is taken as well as it can be) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"192.0.2.1", "192.0.2.1"},
    {"203.0.113.7:54321", "203.0.113.7"},
    {"[2001:DB8::1]:443", "2001:db8::1"},
    {"fe80::1%eth0", "fe80::1"},
    {"::FFFF:192.0.2.1", "192.0.2.1"},
    {"999.0.2.1", ""},
    {"unknown", ""},
    {"1.2.3.4\\u0000", ""},
  };
  for (const auto& [text, stored] : rows)
    CAF_CHECK_EQUAL(device_of(device_with("ip", quoted(text))).ip, stored);
}

CAF_TEST(a device is an object of strings) {
  for (const auto* value : {"\"Pixel 8\"", "[]", "1", "true"})
    check_refused(decode_guest_mint(R"({"device":)" + std::string{value} + "}"), "body_malformed", "`device`");
  for (const auto* member : {"label", "user_agent", "ip"})
    for (const auto* value : {"8", "{}", "[]", "false"})
      check_refused(decode_guest_mint(device_with(member, value)), "body_malformed",
                    "`device." + std::string{member} + "`");
}

CAF_TEST(the texts of a device are cut at a character and lose controls) {
  const auto stored = [](std::string_view member, std::string_view text) {
    const auto read = device_of(device_with(member, quoted(text)));
    return read.label + read.user_agent;
  };
  const std::pair<const char*, std::size_t> rows[]{{"label", 128}, {"user_agent", 512}};
  for (const auto& [member, bytes_max] : rows) {
    CAF_CHECK_EQUAL(stored(member, times(bytes_max, "x")), times(bytes_max, "x"));
    CAF_CHECK_EQUAL(stored(member, times(bytes_max + 1, "x")), times(bytes_max, "x"));
    CAF_CHECK_EQUAL(stored(member, "x" + times(bytes_max / 2, "\xC3\xA9")),
                    "x" + times(bytes_max / 2 - 1, "\xC3\xA9"));
    CAF_CHECK_EQUAL(stored(member, "a\\u0000b\\n\\u0085"), "ab");
  }
}

CAF_TEST(a NUL is found in every text) {
  const auto nul = R"("a\u0000b")";
  CAF_CHECK_EQUAL(name_of(nul), "value_unacceptable");
  check_refused(decode_revocation(R"({"reason":"a\u0000"})", ""), "value_unacceptable", "NUL");
  check_refused(decode_revocation("", "reason=%00"), "value_unacceptable", "NUL");
  check_refused(decode_account(R"({"identity":{"kind":"email","external_id":"a\u0000@b.c"}})"),
                "value_unacceptable", "NUL");
}

CAF_TEST(a display name is trimmed and counted in characters) {
  CAF_CHECK_EQUAL(name_of("null"), "none");
  CAF_CHECK_EQUAL(name_of(R"(" \t\r\nAnn Lee\n ")"), "Ann Lee");
  CAF_CHECK_EQUAL(name_of(quoted(times(64, "x"))), times(64, "x"));
  CAF_CHECK_EQUAL(name_of(quoted(times(64, "\xF0\x9F\x98\x80"))), times(64, "\xF0\x9F\x98\x80"));
  CAF_CHECK_EQUAL(name_of(quoted(" " + times(64, "x") + " ")), times(64, "x"));
  for (const std::string& text : {times(65, "x"), times(65, "\xC3\xA9"), std::string{}, std::string{"  "}})
    CAF_CHECK_EQUAL(name_of(quoted(text)), "value_unacceptable");
  CAF_CHECK_EQUAL(name_of("5"), "body_malformed");
}

CAF_TEST(a display name holds no control character) {
  for (const auto* text : {R"("a\tb")", R"("a\nb")", R"("a\u001bb")", "\"a\x7F\"", R"("\u0080")", R"("a\u009f")"})
    CAF_CHECK_EQUAL(name_of(text), "value_unacceptable");
  CAF_CHECK_EQUAL(name_of(R"("\u00a0e\u0301")"), "\xC3\xA9");
  CAF_CHECK_EQUAL(name_of(R"("\u200b")"), "value_unacceptable");
}

CAF_TEST(an account is found or created by an identity) {
  const auto body = decode_account(R"({"identity":{"kind":"email","external_id":" Ann@B.example "}})");
  CAF_REQUIRE_EQUAL(outcome(body), "accepted");
  CAF_CHECK(body->identity == (identity_key{identity_kind::email, "ann@b.example"}));
  check_refused(decode_account(""), "body_malformed", "`identity` is missing");
  check_refused(decode_account(R"({"identity":null})"), "body_malformed", "`identity` is missing");
  check_refused(decode_account(R"({"identity":"a"})"), "body_malformed", "`identity`");
  check_refused(decode_account(R"({"identity":{"external_id":"1"}})"), "body_malformed",
                "`identity.kind` is missing");
  check_refused(decode_account(R"({"identity":{"kind":"email"}})"), "body_malformed",
                "`identity.external_id` is missing");
  check_refused(decode_account(R"({"identity":{"kind":"telegram","external_id":42}})"), "body_malformed",
                "`identity.external_id`");
  check_refused(decode_account(R"({"identity":{"kind":"phone","external_id":"1"}})"), "value_unacceptable",
                "`identity.kind`");
  check_refused(decode_account(R"({"identity":{"kind":"telegram","external_id":"x"}})"), "value_unacceptable",
                "`identity.external_id`");
}

CAF_TEST(a session is minted for an account) {
  const auto body = decode_mint(R"({"account_id":")" + id + R"(","identity":null,"device":{"label":"a"}})");
  CAF_REQUIRE_EQUAL(outcome(body), "accepted");
  const auto& mint = *body;
  CAF_CHECK_EQUAL(to_string(std::get<uuid>(mint.holder)), id);
  CAF_CHECK_EQUAL(mint.device.label, "a");
}

CAF_TEST(a session is minted for an identity) {
  const auto body = decode_mint("{" + mail + R"(,"display_name":"Ann"})");
  CAF_REQUIRE_EQUAL(outcome(body), "accepted");
  const auto& mint = *body;
  CAF_CHECK(std::get<identity_key>(mint.holder) == (identity_key{identity_kind::email, "a@b.example"}));
  CAF_CHECK_EQUAL(mint.display_name.value_or("none"), "Ann");
}

CAF_TEST(a session has exactly one holder) {
  const auto both = R"({"account_id":)" + quoted(id) + "," + mail + "}";
  for (const std::string_view body : {std::string_view{}, std::string_view{"{}"}, std::string_view{both}})
    check_refused(decode_mint(body), "body_malformed", "exactly one of `account_id` and `identity`");
  check_refused(decode_mint(R"({"account_id":5})"), "body_malformed", "`account_id`");
  check_refused(decode_mint(R"({"account_id":"5"})"), "id_malformed", "`account_id`");
  check_refused(decode_mint(R"({"identity":5})"), "body_malformed", "`identity`");
  check_refused(decode_mint("{" + mail + R"(,"device":5})"), "body_malformed", "`device`");
  check_refused(decode_mint("{" + mail + R"(,"display_name":""})"), "value_unacceptable", "`display_name`");
}

CAF_TEST(a reason comes in the body or in the query and the body wins) {
  const auto reason_of = [](std::string_view body, std::string_view query) {
    const auto result = decode_revocation(body, query);
    return result ? result->reason : outcome(result);
  };
  CAF_CHECK_EQUAL(reason_of("", ""), "");
  CAF_CHECK_EQUAL(reason_of("", "reason=lost+phone"), "lost phone");
  CAF_CHECK_EQUAL(reason_of(R"({"reason":"theft"})", ""), "theft");
  CAF_CHECK_EQUAL(reason_of(R"({"reason":"theft"})", "reason=lost"), "theft");
  CAF_CHECK_EQUAL(reason_of(R"({"reason":""})", "reason=lost"), "");
  CAF_CHECK_EQUAL(reason_of(R"({"reason":null})", "reason=lost"), "lost");
  CAF_CHECK_EQUAL(reason_of(quoted("x").insert(0, R"({"reason":)") + "}", ""), "x");
}

CAF_TEST(a reason is a short text) {
  const auto said = [](std::size_t size) { return R"({"reason":)" + quoted(times(size, "x")) + "}"; };
  CAF_CHECK_EQUAL(outcome(decode_revocation(said(200), "")), "accepted");
  check_refused(decode_revocation(said(201), ""), "value_unacceptable", "`reason`");
  check_refused(decode_revocation("", "reason=" + times(201, "x")), "value_unacceptable", "`reason`");
  check_refused(decode_revocation(R"({"reason":5})", ""), "body_malformed", "`reason`");
  check_refused(decode_revocation("", "reason=a&reason=b"), "parameter_malformed", "`reason`");
  check_refused(decode_revocation("[]", "reason=a"), "body_malformed", "JSON object");
}
