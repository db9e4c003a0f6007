#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string session_text = "0190b8a0-0000-7000-8000-000000000001";
const std::string account_text = "0190b8a0-0000-7000-8000-000000000002";
const std::string time_text = "2026-01-02T03:04:05.678901Z";

session some_session() {
  session s;
  s.session_id = *uuid::parse(session_text);
  s.account_id = *uuid::parse(account_text);
  s.created_at = *parse_rfc3339(time_text);
  return s;
}

account some_account() {
  account a;
  a.account_id = *uuid::parse(account_text);
  a.created_at = *parse_rfc3339(time_text);
  return a;
}

/// What `some_session` looks like, without the closing brace.
const std::string session_json = R"({"session_id":")" + session_text + R"(","account_id":")" + account_text
                                 + R"(","is_guest":false,"created_at":")" + time_text
                                 + R"(","expires_at":null,"device":{"label":null,"user_agent":null,"ip":null})";

const std::string account_json = R"({"account_id":")" + account_text
                                 + R"(","is_guest":false,"display_name":null,"created_at":")" + time_text
                                 + R"(","identities":[]})";

} // namespace

CAF_TEST(an account with all that it can have) {
  auto a = some_account();
  a.is_guest = true;
  a.display_name = "Ann \"A\" \xC3\xA9";
  a.identities = {{{identity_kind::email, "ann@example.org"}, a.created_at},
                  {{identity_kind::telegram, "42"}, a.created_at}};
  CAF_CHECK_EQUAL(
    render_account(a),
    R"({"account":{"account_id":")" + account_text + R"(","is_guest":true,"display_name":"Ann \"A\" )" + "\xC3\xA9"
      + R"(","created_at":")" + time_text
      + R"(","identities":[{"kind":"email","external_id":"ann@example.org","created_at":")" + time_text
      + R"("},{"kind":"telegram","external_id":"42","created_at":")" + time_text + R"("}]}})");
}

CAF_TEST(an account that was found or created) {
  CAF_CHECK_EQUAL(render_account_created(some_account(), true),
                  R"({"account":)" + account_json + R"(,"created":true})");
  CAF_CHECK_EQUAL(render_account_created(some_account(), false),
                  R"({"account":)" + account_json + R"(,"created":false})");
}

CAF_TEST(a session of a device that said nothing) {
  CAF_CHECK_EQUAL(render_session(some_session()), R"({"session":)" + session_json + "}}");
}

CAF_TEST(a session of a device that said all) {
  auto s = some_session();
  s.is_guest = true;
  s.device = {"Pixel 8", "ua/1", "2001:db8::1"};
  s.expires_at = s.created_at;
  CAF_CHECK_EQUAL(render_session(s),
                  R"({"session":{"session_id":")" + session_text + R"(","account_id":")" + account_text
                    + R"(","is_guest":true,"created_at":")" + time_text + R"(","expires_at":")" + time_text
                    + R"(","device":{"label":"Pixel 8","user_agent":"ua/1","ip":"2001:db8::1"}}})");
}

CAF_TEST(a dead session says since when and why) {
  auto s = some_session();
  s.is_active = false;
  s.revoked_at = s.created_at;
  s.revoke_reason = "logout";
  CAF_CHECK_EQUAL(render_session(s), R"({"session":)" + session_json + R"(,"revoked_at":")" + time_text
                                       + R"(","revoke_reason":"logout"}})");
  s.revoke_reason.clear();
  CAF_CHECK_EQUAL(render_session(s), R"({"session":)" + session_json + R"(,"revoked_at":")" + time_text
                                       + R"(","revoke_reason":null}})");
}

CAF_TEST(a minted session) {
  const auto head = R"({"token":"pcs_x","session":)" + session_json + R"(},"account":)" + account_json;
  CAF_CHECK_EQUAL(render_minted("pcs_x", some_session(), some_account(), {}), head + "}");
  CAF_CHECK_EQUAL(render_minted("pcs_x", some_session(), some_account(), true), head + R"(,"created":true})");
}

CAF_TEST(a page of sessions) {
  CAF_CHECK_EQUAL(render_session_page({}, false, {}), R"({"sessions":[]})");
  CAF_CHECK_EQUAL(render_session_page({some_session()}, false, {}), R"({"sessions":[)" + session_json + "}]}");
  CAF_CHECK_EQUAL(render_session_page({some_session()}, true, {}),
                  R"({"sessions":[)" + session_json + R"(}],"next":")" + session_text + R"("})");
}

CAF_TEST(the current session is marked when there is one) {
  CAF_CHECK_EQUAL(render_session_page({some_session()}, false, uuid::parse(session_text)),
                  R"({"sessions":[)" + session_json + R"(,"current":true}]})");
  CAF_CHECK_EQUAL(render_session_page({some_session()}, false, uuid::parse(account_text)),
                  R"({"sessions":[)" + session_json + R"(,"current":false}]})");
}

CAF_TEST(revocations) {
  CAF_CHECK_EQUAL(render_revoked(true, {1, 2}), R"({"revoked":true,"cursor":"0000000000000001-2"})");
  CAF_CHECK_EQUAL(render_revoked(false, {1, 2}), R"({"revoked":false,"cursor":"0000000000000001-2"})");
  CAF_CHECK_EQUAL(render_revoked_count(3, {1, 2}), R"({"revoked":3,"cursor":"0000000000000001-2"})");
}
