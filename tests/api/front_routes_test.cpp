#include "api/front_fixture.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

const std::string account_path = internal + "/accounts/" + to_string(make_uuid(101));
const std::string session_path = internal + "/sessions/" + to_string(make_uuid(11));
const std::string as_user = "X-User-ID: " + to_string(make_uuid(101)) + "\r\n";

account make_account(std::uint32_t n) {
  account result;
  result.account_id = make_uuid(n);
  return result;
}

session make_session(std::uint32_t n, std::uint32_t of) {
  session result;
  result.session_id = make_uuid(n);
  result.account_id = make_uuid(of);
  return result;
}

struct fixture : http_client_fixture {
  /// What memory knows of the session that a request was made with.
  void recall(peeked_sessions::knowledge known, std::uint32_t of) {
    auto asked = take<recall_session>();
    CAF_CHECK(asked.message.session_id == make_uuid(11));
    answer(asked, recalled_session{known, make_uuid(of)});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_route_tests, fixture)

// -- minting -----------------------------------------------------------------------------------------------------

CAF_TEST(a mint shows the token once it is durable) {
  open();
  request(client, "POST", internal + "/sessions", {},
          "{\"account_id\":" + quoted(101) + R"(,"device":{"label":"phone"}})");
  auto asked = take<mint_request>();
  CAF_CHECK(std::get<uuid>(asked.message.holder) == make_uuid(101));
  CAF_CHECK_EQUAL(asked.message.device.label, "phone");
  CAF_CHECK_EQUAL(unread(client), 0u);
  answer(asked, mint_reply{secret, make_session(11, 101), make_account(101), false});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 201);
  CAF_CHECK(r.tells("\"token\":\"" + std::string{secret.reveal()} + "\""));
  CAF_CHECK(r.tells("\"session_id\":" + quoted(11)));
  CAF_CHECK(r.tells(R"("created":false)"));
}

CAF_TEST(a mint for an identity finds or creates its account) {
  open();
  request(client, "POST", internal + "/sessions", {},
          R"({"identity":{"kind":"email","external_id":" Ada@Example.org "},"display_name":"Ada"})");
  auto asked = take<mint_request>();
  const auto& holder = std::get<identity_holder>(asked.message.holder);
  CAF_CHECK(holder.key == (identity_key{identity_kind::email, "ada@example.org"}));
  CAF_CHECK(holder.display_name == "Ada");
  fail(asked, errc::overloaded);
  CAF_CHECK_EQUAL(status(), 503);
}

CAF_TEST(a guest is minted in public) {
  open();
  request(client, "POST", "/api/v1/public/sessions/guest");
  auto asked = take<mint_request>();
  CAF_CHECK(std::holds_alternative<guest_holder>(asked.message.holder));
  answer(asked, mint_reply{secret, make_session(11, 101), make_account(101), true});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 201);
  CAF_CHECK(!r.tells("\"created\""));
}

CAF_TEST(a body that is not what the route takes is refused) {
  open();
  request(client, "POST", internal + "/sessions", {}, "{");
  CAF_CHECK_EQUAL(status(), 400);
  request(client, "POST", internal + "/sessions", {}, R"({"account_id":7})");
  CAF_CHECK_EQUAL(status(), 400);
  send(client, "POST " + internal + "/sessions HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n"
                 + "Content-Length: 2\r\n\r\n{}");
  CAF_CHECK_EQUAL(status(), 415);
}

// -- accounts
// --------------------------------------------------------------------------------------------------------

CAF_TEST(accounts are found or created) {
  open();
  for (const bool created : {true, false}) {
    request(client, "POST", internal + "/accounts", {}, R"({"identity":{"kind":"telegram","external_id":"42"}})");
    auto asked = take<find_or_create_request>();
    CAF_CHECK(asked.message.key == (identity_key{identity_kind::telegram, "42"}));
    answer(asked, store::find_or_create_account::result{make_account(101), created});
    const auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, created ? 201 : 200);
    CAF_CHECK(r.tells("\"account_id\":" + quoted(101)));
  }
  request(client, "POST", internal + "/accounts/guest");
  auto guest = take<create_guest_request>();
  answer(guest, make_account(102));
  CAF_CHECK_EQUAL(status(), 201);
}

CAF_TEST(accounts are looked up) {
  open();
  get(client, account_path);
  auto asked = take<store::get_account>();
  CAF_CHECK(asked.message.account_id == make_uuid(101));
  answer(asked, make_account(101));
  CAF_CHECK_EQUAL(status(), 200);
  get(client, internal + "/accounts?kind=telegram&external_id=42");
  auto found = take<store::find_account>();
  CAF_CHECK(found.message.key == (identity_key{identity_kind::telegram, "42"}));
  fail(found, errc::account_not_found);
  CAF_CHECK_EQUAL(status(), 404);
  get(client, internal + "/accounts/not-an-id");
  CAF_CHECK_EQUAL(status(), 400);
}

CAF_TEST(accounts are deleted) {
  open();
  request(client, "DELETE", account_path + "?reason=gone");
  auto asked = take<store::delete_account>();
  CAF_CHECK(asked.message.account_id == make_uuid(101));
  CAF_CHECK_EQUAL(asked.message.cause.reason, "gone");
  CAF_CHECK_EQUAL(asked.message.cause.actor, "internal");
  answer(asked, store::delete_account::result{1, {1, 11}});
  CAF_CHECK_EQUAL(status(), 204);
  request(client, "DELETE", account_path);
  auto seated = take<store::delete_account>();
  fail(seated, errc::account_seated);
  CAF_CHECK_EQUAL(status(), 409);
}

// -- sessions
// --------------------------------------------------------------------------------------------------------

CAF_TEST(sessions are looked up and listed) {
  open();
  get(client, session_path);
  auto asked = take<store::get_session>();
  CAF_CHECK(asked.message.session_id == make_uuid(11));
  answer(asked, make_session(11, 101));
  CAF_CHECK(read_response(client).tells("\"session_id\":" + quoted(11)));
  get(client, account_path + "/sessions?limit=2&after=" + to_string(make_uuid(9)));
  auto page = take<store::list_sessions>();
  CAF_CHECK(page.message.account_id == make_uuid(101));
  CAF_CHECK(page.message.after == make_uuid(9));
  CAF_CHECK_EQUAL(page.message.limit, 2u);
  answer(page, store::list_sessions::result{{make_session(11, 101), make_session(12, 101)}, true});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells("\"next\":" + quoted(12)));
}

CAF_TEST(a revocation is answered with its place in the log) {
  open();
  request(client, "DELETE", session_path, {}, R"({"reason":"stolen"})");
  auto by_id = take<store::revoke_session>();
  CAF_CHECK(std::get<uuid>(by_id.message.target) == make_uuid(11));
  CAF_CHECK(!by_id.message.owner);
  CAF_CHECK_EQUAL(by_id.message.cause.reason, "stolen");
  CAF_CHECK_EQUAL(by_id.message.cause.actor, "internal");
  CAF_CHECK_EQUAL(unread(client), 0u);
  answer(by_id, store::revoke_session::result{true, make_uuid(11), make_uuid(101), {1, 11}});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells(R"("revoked":true)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + to_string(cursor{1, 11}) + "\""));
  request(client, "POST", internal + "/sessions/revoke", bearer());
  auto by_token = take<store::revoke_session>();
  CAF_CHECK(std::get<token_hash>(by_token.message.target) == secret.hash());
  fail(by_token, errc::session_not_found);
  CAF_CHECK_EQUAL(status(), 404);
}

CAF_TEST(all sessions of an account are revoked) {
  open();
  request(client, "DELETE", account_path + "/sessions");
  auto asked = take<store::revoke_account>();
  CAF_CHECK(asked.message.account_id == make_uuid(101));
  CAF_CHECK(!asked.message.keep);
  answer(asked, store::revoke_account::result{3, 1, {1, 11}});
  CAF_CHECK(read_response(client).tells(R"("revoked":3)"));
}

// -- the user's own ----------------------------------------------------------------------------------------------

CAF_TEST(a user sees and ends what is their own) {
  open();
  get(client, "/api/v1/user/account", as_user);
  auto own = take<store::get_account>();
  CAF_CHECK(own.message.account_id == make_uuid(101));
  answer(own, make_account(101));
  CAF_CHECK_EQUAL(status(), 200);
  get(client, "/api/v1/user/sessions", as_user + "X-Session-ID: " + to_string(make_uuid(11)) + "\r\n");
  recall(peeked_sessions::knowledge::active, 101);
  auto page = take<store::list_sessions>();
  CAF_CHECK(page.message.account_id == make_uuid(101));
  answer(page, store::list_sessions::result{{make_session(11, 101)}, false});
  CAF_CHECK(read_response(client).tells(R"("current":true)"));
  request(client, "DELETE", "/api/v1/user/sessions/" + to_string(make_uuid(12)), as_user);
  auto one = take<store::revoke_session>();
  CAF_CHECK(one.message.owner == make_uuid(101)); // another's session is not found
  CAF_CHECK_EQUAL(one.message.cause.actor, "user");
  fail(one, errc::session_not_found);
  CAF_CHECK_EQUAL(status(), 404);
  request(client, "DELETE", "/api/v1/user/sessions?keep=current",
          as_user + "X-Session-ID: " + to_string(make_uuid(11)) + "\r\n");
  recall(peeked_sessions::knowledge::active, 101);
  auto all = take<store::revoke_account>();
  CAF_CHECK(all.message.keep == make_uuid(11));
  CAF_CHECK_EQUAL(all.message.cause.actor, "user");
  answer(all, store::revoke_account::result{2, 1, {1, 11}});
  CAF_CHECK_EQUAL(status(), 200);
}

CAF_TEST(a user s session is checked in memory and else in the database) {
  open();
  const auto with_session = as_user + "X-Session-ID: " + to_string(make_uuid(11)) + "\r\n";
  get(client, "/api/v1/user/account", with_session);
  recall(peeked_sessions::knowledge::active, 102);
  CAF_CHECK(read_response(client).tells(R"("code":"session_unknown")"));
  get(client, "/api/v1/user/account", with_session);
  recall(peeked_sessions::knowledge::must_load, 0);
  auto asked = take<store::get_session>();
  CAF_CHECK(asked.message.session_id == make_uuid(11));
  answer(asked, make_session(11, 101));
  auto own = take<store::get_account>();
  answer(own, make_account(101));
  CAF_CHECK_EQUAL(status(), 200);
  auto expired = make_session(11, 101);
  expired.is_active = false;
  auto revoked = expired;
  revoked.revoked_at = revoked.created_at;
  for (const auto& [held, code] : {std::pair{expired, "session_expired"}, std::pair{revoked, "session_revoked"},
                                   std::pair{make_session(11, 102), "session_unknown"}}) {
    get(client, "/api/v1/user/account", with_session);
    recall(peeked_sessions::knowledge::revoked, 0);
    auto again = take<store::get_session>();
    answer(again, held);
    CAF_CHECK(read_response(client).tells(R"("code":")" + std::string{code} + '"'));
  }
}

CAF_TEST(without a user there is nothing of their own) {
  open();
  get(client, "/api/v1/user/account");
  CAF_CHECK(read_response(client).tells(R"("code":"user_required")"));
  get(client, "/api/v1/user/account", "X-User-ID: ada\r\n");
  CAF_CHECK_EQUAL(status(), 401);
}

// -- routing
// ---------------------------------------------------------------------------------------------------------

CAF_TEST(what is not there is said to be so) {
  open();
  get(client, "/nowhere");
  CAF_CHECK(read_response(client).tells(R"("code":"route_unknown")"));
  request(client, "POST", "/healthz");
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 405);
  CAF_CHECK(r.has("Allow: GET, HEAD\r\n"));
}

CAF_TEST(a caller finds its request id again) {
  open();
  get(client, "/healthz", "X-Request-Id: abc-1\r\n");
  CAF_CHECK(read_response(client).has("X-Request-Id: abc-1\r\n"));
  get(client, "/healthz", "X-Request-Id: a b\r\n");
  const auto r = read_response(client);
  CAF_CHECK(r.has("X-Request-Id: ") && !r.has("X-Request-Id: a b\r\n"));
}

// -- probes ------------------------------------------------------------------------------------------------------

CAF_TEST(readiness names what is missing) {
  start();
  client = connect(1);
  const auto probe = [&](bool database_answers) {
    get(client, "/readyz");
    auto asked = take<store::ping>();
    if (database_answers)
      answer(asked, store::ping::result{});
    else
      fail(asked, errc::database_unavailable);
    return read_response(client);
  };
  CAF_CHECK(probe(true).tells(R"("database":"migrating")"));
  tell(portcullis::start_serving{});
  tell(epoch_changed{{1, 10}, "start"});
  auto r = probe(true);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("cache":"cold")"));
  CAF_CHECK(r.tells(R"("revocations":"stale")"));
  CAF_CHECK(r.tells(R"("revocations_ms":null)"));
  tell(cache_warmed{});
  tell(log_progress{clock.now(), {1, 10}, {}});
  r = probe(true);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK_EQUAL(
    r.body,
    R"({"status":"ready","checks":{"database":"ok","cache":"ok","revocations":"ok"},"lag":{"revocations_ms":0}})");
  clock.advance(1500ms);
  tell(log_progress{instant::min(), {1, 10}, {}}); // a page that is not the last
  CAF_CHECK(probe(true).tells(R"("revocations_ms":1500)"));
  r = probe(false);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("database":"unreachable")"));
  clock.advance(parts.health.staleness_max);
  r = probe(true);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(r.tells(R"("revocations":"stale")"));
  CAF_CHECK(r.tells(R"("revocations_ms":31500)"));
  tell(log_progress{clock.now(), {1, 10}, {}});
  tell(epoch_changed{{2, 1}, "restored"});
  r = probe(true);
  CAF_CHECK(r.tells(R"("cache":"ok")")); // while it is filled anew, look-ups are answered from the database
  CAF_CHECK(r.tells(R"("revocations_ms":null)")); // what was read is of the other epoch
}

CAF_TEST(the version is told) {
  open();
  get(client, "/api/v1/public/version");
  CAF_CHECK_EQUAL(read_response(client).body, R"({"service":"portcullis","version":"1.2.3"})");
}

CAF_TEST(the numbers of everybody are told) {
  open();
  get(client, "/metrics");
  const std::array<metrics::instrument, 4> sources{
    metrics::instrument{"portcullis_of_the_cache", "", metrics::kind::gauge, "1", "Some number.", ""},
    metrics::instrument{"portcullis_of_the_pool", "", metrics::kind::gauge, "1", "Some number.", ""},
    metrics::instrument{"portcullis_of_sessions", "", metrics::kind::gauge, "1", "Some number.", ""},
    metrics::instrument{"portcullis_of_accounts", "", metrics::kind::gauge, "1", "Some number.", ""}};
  for (const auto& source : sources) {
    auto asked = take<read_numbers>();
    all_numbers theirs;
    theirs.snapshot.add(source, 17);
    answer(asked, theirs);
  }
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells("portcullis_of_the_cache 17\n"));
  CAF_CHECK(r.tells("portcullis_of_the_pool 17\n"));
  CAF_CHECK(r.tells("portcullis_of_sessions 17\n"));
  CAF_CHECK(r.tells("portcullis_of_accounts 17\n"));
  CAF_CHECK(r.tells("portcullis_mailbox_messages{actor=\"http_front\"}"));
  CAF_CHECK(r.tells("portcullis_http_connections 1\n"));
}

CAF_TEST_FIXTURE_SCOPE_END()
