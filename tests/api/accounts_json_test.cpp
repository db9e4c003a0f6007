#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string first_id = "0190b8a0-0000-7000-8000-000000000001";
const std::string second_id = "0190b8a0-0000-7000-8000-000000000002";
const std::string time_text = "2026-01-02T03:04:05.678901Z";

template <class T>
std::string code_of(const result<T>& result) {
  return result ? "accepted" : std::string{to_string(result.error().code)};
}

template <class T>
T must(const result<T>& result) {
  CAF_REQUIRE_EQUAL(code_of(result), "accepted");
  return *result;
}

/// Checks the code, and that the sentence names what it is about.
template <class T>
void check_refused(const result<T>& result, std::string_view code, std::string_view about) {
  CAF_CHECK_EQUAL(code_of(result), code);
  if (!result && result.error().detail.find(about) == std::string::npos)
    CAF_ERROR(result.error().detail << " does not speak of " << about);
}

std::string seat_of(std::string_view value) {
  const auto result = decode_seat(R"({"seat":)" + std::string{value} + "}");
  if (!result)
    return code_of(result);
  return result->seat ? std::to_string(*result->seat) : "none";
}

account account_of(const std::string& id) {
  account a;
  a.account_id = *uuid::parse(id);
  a.created_at = *parse_rfc3339(time_text);
  return a;
}

/// What `account_of(id)` looks like.
std::string account_json(const std::string& id) {
  return R"({"account_id":")" + id + R"(","is_guest":false,"display_name":null,"created_at":")" + time_text
         + R"(","identities":[]})";
}

} // namespace

CAF_TEST(a link names an identity) {
  const auto plain = must(decode_link(R"({"kind":"email","external_id":" Ann@B.example "})"));
  CAF_CHECK(plain.identity == (identity_key{identity_kind::email, "ann@b.example"}));
  CAF_CHECK(!plain.rotate);
  CAF_CHECK(plain.device == device{});

  const auto rotating =
    must(decode_link(R"({"kind":"telegram","external_id":"42","rotate":true,"device":{"label":"Pixel"}})"));
  CAF_CHECK(rotating.identity == (identity_key{identity_kind::telegram, "42"}));
  CAF_CHECK(rotating.rotate);
  CAF_CHECK_EQUAL(rotating.device.label, "Pixel");
}

CAF_TEST(a link that is not one is refused by the member that is wrong) {
  const std::tuple<std::string_view, std::string_view, std::string_view> rows[]{
    {"", "body_malformed", "`kind` is missing"},
    {R"({"external_id":"42"})", "body_malformed", "`kind` is missing"},
    {R"({"kind":"email"})", "body_malformed", "`external_id` is missing"},
    {R"({"kind":5,"external_id":"42"})", "body_malformed", "`kind`"},
    {R"({"kind":"telegram","external_id":42})", "body_malformed", "`external_id`"},
    {R"({"kind":"phone","external_id":"42"})", "value_unacceptable", "`kind`"},
    {R"({"kind":"telegram","external_id":"x"})", "value_unacceptable", "`external_id`"},
    {R"({"kind":"telegram","external_id":"42","rotate":"yes"})", "body_malformed", "`rotate`"},
    {R"({"kind":"telegram","external_id":"42","rotate":1})", "body_malformed", "`rotate`"},
    {R"({"kind":"telegram","external_id":"42","device":5})", "body_malformed", "`device`"},
  };
  for (const auto& [body, code, about] : rows)
    check_refused(decode_link(body), code, about);
}

CAF_TEST(a profile sets the name or clears it but must say which) {
  CAF_CHECK_EQUAL(must(decode_profile(R"({"display_name":" Ann "})")).display_name.value_or("none"), "Ann");
  CAF_CHECK_EQUAL(must(decode_profile(R"({"display_name":null})")).display_name.value_or("none"), "none");
  for (const auto* body : {"", "{}", R"({"name":"Ann"})"})
    check_refused(decode_profile(body), "body_malformed", "`display_name` is missing");
  check_refused(decode_profile(R"({"display_name":5})"), "body_malformed", "`display_name`");
  check_refused(decode_profile(R"({"display_name":"  "})"), "value_unacceptable", "`display_name`");
}

CAF_TEST(a seat is a small whole number or none) {
  CAF_CHECK_EQUAL(seat_of("null"), "none");
  CAF_CHECK(!must(decode_seat("")).seat);
  for (const auto* seat : {"0", "7", "2147483647"})
    CAF_CHECK_EQUAL(seat_of(seat), seat);
  for (const auto* seat : {"-1", "2147483648", "18446744073709551615"})
    CAF_CHECK_EQUAL(seat_of(seat), "value_unacceptable");
  for (const auto* seat : {"1.5", "1e3", "\"1\"", "true", "[]", "18446744073709551616"})
    CAF_CHECK_EQUAL(seat_of(seat), "body_malformed");
}

CAF_TEST(a sweep is for real unless it says otherwise) {
  CAF_CHECK(!must(decode_sweep("")).dry_run);
  CAF_CHECK(!must(decode_sweep(R"({"dry_run":null})")).dry_run);
  CAF_CHECK(!must(decode_sweep(R"({"dry_run":false})")).dry_run);
  CAF_CHECK(must(decode_sweep(R"({"dry_run":true})")).dry_run);
  for (const auto* value : {"1", "\"true\"", "{}"})
    check_refused(decode_sweep(R"({"dry_run":)" + std::string{value} + "}"), "body_malformed", "`dry_run`");
}

CAF_TEST(accounts are filtered by what the query says) {
  const auto none = must(decode_account_filter("limit=5"));
  CAF_CHECK(!none.kind && !none.external_id_prefix && !none.is_guest);
  CAF_CHECK(!none.created_before && !none.created_after);

  const auto all = must(decode_account_filter("kind=email&external_id=Ann%40B&guest=false"
                                              "&created_before=2026-01-02T03:04:05Z"
                                              "&created_after=2025-01-02T03:04:05Z"));
  CAF_CHECK(all.kind == identity_kind::email);
  CAF_CHECK(all.external_id_prefix == "ann@b");
  CAF_CHECK(all.is_guest == false);
  CAF_CHECK(all.created_before == parse_rfc3339("2026-01-02T03:04:05Z"));
  CAF_CHECK(all.created_after == parse_rfc3339("2025-01-02T03:04:05Z"));
  CAF_CHECK(must(decode_account_filter("guest=true")).is_guest == true);
  for (const auto* query : {"created_after=2025-01-02T05:04:05%2B02:00", "created_after=2025-01-02T05:04:05+02:00",
                            "created_after=2025-01-02t03:04:05.000z"})
    CAF_CHECK(must(decode_account_filter(query)).created_after == parse_rfc3339("2025-01-02T03:04:05Z"));
  CAF_CHECK(must(decode_account_filter("external_id=JOS%C3%89%40EX%C3%84MPLE.")).external_id_prefix
            == "jos\xC3\xA9@xn--exmple-cua.");
  CAF_CHECK_EQUAL(code_of(decode_account_filter("external_id=" + std::string(254, 'a'))), "accepted");
}

CAF_TEST(a filter that cannot be read is malformed) {
  const std::pair<std::string, std::string_view> rows[]{
    {"kind=phone", "`kind`"},
    {"kind=", "`kind`"},
    {"kind=email&kind=email", "`kind`"},
    {"external_id=", "`external_id`"},
    {"external_id=a%00", "`external_id`"},
    {"external_id=" + std::string(255, 'a'), "`external_id`"},
    {"guest=1", "`guest`"},
    {"guest=True", "`guest`"},
    {"created_before=2026-01-02", "`created_before`"},
    {"created_after=yesterday", "`created_after`"},
  };
  for (const auto& [query, about] : rows)
    check_refused(decode_account_filter(query), "parameter_malformed", about);
}

CAF_TEST(the last two segments of a path are an identity) {
  CAF_CHECK(must(decode_identity_segments("email", "Ann+1%40B.example"))
            == (identity_key{identity_kind::email, "ann+1@b.example"}));
  CAF_CHECK(must(decode_identity_segments("telegram", "42")) == (identity_key{identity_kind::telegram, "42"}));
  check_refused(decode_identity_segments("phone", "42"), "value_unacceptable", "`kind`");
  check_refused(decode_identity_segments("telegram", "x"), "value_unacceptable", "`external_id`");
  check_refused(decode_identity_segments("email", "a%zz"), "parameter_malformed", "The path");
  check_refused(decode_identity_segments("email", "a%00@b.example"), "parameter_malformed", "The path");
}

CAF_TEST(a link answers with the account and after a rotation with the new token) {
  const auto head = R"({"account":)" + account_json(first_id);
  CAF_CHECK_EQUAL(render_linked(account_of(first_id), "pcs_x", {}), head + "}");
  session s;
  s.session_id = *uuid::parse(second_id);
  s.account_id = *uuid::parse(first_id);
  s.created_at = *parse_rfc3339(time_text);
  CAF_CHECK_EQUAL(render_linked(account_of(first_id), "pcs_x", s),
                  head + R"(,"token":"pcs_x","session":{"session_id":")" + second_id + R"(","account_id":")"
                    + first_id + R"(","is_guest":false,"created_at":")" + time_text
                    + R"(","expires_at":null,"device":{"label":null,"user_agent":null,"ip":null}}})");
}

CAF_TEST(a page of accounts names the last as next when there are more) {
  CAF_CHECK_EQUAL(render_account_page({}, false), R"({"accounts":[]})");
  CAF_CHECK_EQUAL(render_account_page({}, true), R"({"accounts":[]})");
  const auto both = R"({"accounts":[)" + account_json(first_id) + "," + account_json(second_id) + "]";
  CAF_CHECK_EQUAL(render_account_page({account_of(first_id), account_of(second_id)}, false), both + "}");
  CAF_CHECK_EQUAL(render_account_page({account_of(first_id), account_of(second_id)}, true),
                  both + R"(,"next":")" + second_id + R"("})");
}

CAF_TEST(an introspection tells of an active session and of nothing else) {
  CAF_CHECK_EQUAL(render_introspection({}), R"({"active":false})");
  session_record record;
  record.session_id = *uuid::parse(second_id);
  record.account_id = *uuid::parse(first_id);
  record.created_at = *parse_rfc3339("2026-01-02T03:04:05.999999Z"); // iat is in whole seconds
  CAF_CHECK_EQUAL(render_introspection(record), R"({"active":true,"sub":")" + first_id + R"(","sid":")" + second_id
                                                  + R"(","iat":1767323045,"token_type":"Bearer"})");
  record.expires_at = record.created_at + std::chrono::seconds{10};
  const auto ends_with = [&](std::string_view end, std::optional<std::chrono::seconds> kept_until) {
    const auto text = render_introspection(record, {}, kept_until);
    CAF_CHECK_EQUAL(text.substr(text.size() - end.size()), end);
  };
  ends_with(R"("exp":1767323055})", {});
  ends_with(R"("exp":1767323055})", std::chrono::seconds{1767323056});
  ends_with(R"("exp":1767323054})", std::chrono::seconds{1767323054});
}
