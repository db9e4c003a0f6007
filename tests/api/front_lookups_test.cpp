#include "api/front_fixture.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

using known = peeked_sessions::knowledge;

struct fixture : http_client_fixture {
  /// Answers the one look-up that the front sent.
  void answer_peek(known verdict, const session_record& record = {}, instant read_after = instant::min()) {
    auto asked = take<peek_sessions>();
    CAF_REQUIRE_EQUAL(asked.message.lookups.size(), 1u);
    const auto& lookup = asked.message.lookups[0];
    CAF_CHECK(lookup.hash == secret.hash());
    CAF_CHECK(lookup.read_after == read_after);
    answer(asked, peeked_sessions{{peeked(lookup, verdict, record)}});
  }

  /// The caller will have a read of the database that begins after this: memory cannot tell.
  void answer_read(session_status status, instant after) {
    answer_peek(known::must_load, {}, after);
    auto asked = take<load_session>();
    CAF_CHECK(asked.message.hash == secret.hash());
    CAF_CHECK(asked.message.read_after == after);
    answer(asked, resolution{status, make_record(11, 101)});
  }

  static std::string as_of(std::uint64_t epoch, std::uint64_t seq) {
    return "X-Min-Cursor: " + to_string(cursor{epoch, seq}) + "\r\n";
  }

  response verified() {
    get(client, internal + "/verify", bearer());
    answer_peek(known::active, make_record(11, 101));
    auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, 200);
    return r;
  }

  response introspected(known verdict) {
    const auto form = "token=" + std::string{secret.reveal()};
    send(client, "POST " + internal
                   + "/introspect HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     "Content-Length: "
                   + std::to_string(form.size()) + "\r\n\r\n" + form);
    answer_peek(verdict, make_record(11, 101));
    auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, 200);
    return r;
  }

  static bool may_not_be_kept(const response& r) {
    return r.has("Cache-Control: no-store\r\n") && !r.has("X-Accel-Expires");
  }

  static std::int64_t unix_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::floor<std::chrono::seconds>(now).count();
  }

  template <class Duration>
  void let_wait_pass(Duration time) {
    clock.advance(time);
    sched.advance_time(time);
    consume_messages();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_lookup_tests, fixture)

// -- resolve and verify ------------------------------------------------------------------------------------------

CAF_TEST(a token that memory knows is resolved at once) {
  open();
  for (const auto* method : {"GET", "POST"}) {
    request(client, method, internal + "/sessions/resolve", bearer());
    answer_peek(known::active, make_record(11, 101));
    const auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, 200);
    CAF_CHECK(r.has("Cache-Control: no-store\r\n"));
    CAF_CHECK(r.tells("\"session_id\":" + quoted(11)));
    CAF_CHECK(r.tells("\"account_id\":" + quoted(101)));
  }
}

CAF_TEST(verify says who it is in the head) {
  open();
  request(client, "DELETE", internal + "/verify/some/path", bearer());
  answer_peek(known::active, make_record(11, 101));
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.has("X-User-ID: " + to_string(make_uuid(101)) + "\r\n"));
  CAF_CHECK(r.has("X-Session-ID: " + to_string(make_uuid(11)) + "\r\n"));
  CAF_CHECK(r.has("X-Account-Guest: false\r\n"));
  CAF_CHECK(r.body.empty());
}

CAF_TEST(dead and unknown tokens are refused) {
  open();
  get(client, internal + "/sessions/resolve", bearer());
  answer_peek(known::revoked);
  auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 401);
  CAF_CHECK(r.tells(R"("code":"session_revoked")"));
  CAF_CHECK(r.has("WWW-Authenticate: Bearer"));
  get(client, internal + "/sessions/resolve", bearer());
  answer_peek(known::unknown);
  CAF_CHECK(read_response(client).tells(R"("code":"session_unknown")"));
}

CAF_TEST(nobody is asked about what is no token) {
  open();
  get(client, internal + "/sessions/resolve");
  CAF_CHECK(read_response(client).tells(R"("code":"token_missing")"));
  get(client, internal + "/sessions/resolve", "Authorization: Bearer nonsense\r\n");
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 401);
  CAF_CHECK(r.tells(R"("code":"token_malformed")"));
}

CAF_TEST(a miss waits for the database and no longer) {
  open();
  const auto miss = [&] {
    get(client, internal + "/sessions/resolve", bearer());
    answer_peek(known::must_load);
    CAF_CHECK_EQUAL(unread(client), 0u);
    auto asked = take<load_session>();
    CAF_CHECK(asked.message.hash == secret.hash());
    return asked;
  };
  auto found = miss();
  answer(found, resolution{session_status::active, make_record(11, 101)});
  CAF_CHECK_EQUAL(status(), 200);
  auto dead = miss();
  answer(dead, resolution{session_status::revoked, {}});
  CAF_CHECK_EQUAL(status(), 401);
  auto failing = miss();
  fail(failing, errc::history_stale);
  CAF_CHECK_EQUAL(status(), 503);
  auto silent = miss();
  pass(limits.request_timeout);
  CAF_CHECK_EQUAL(status(), 503);
  answer(silent, resolution{session_status::active, make_record(11, 101)});
  CAF_CHECK_EQUAL(unread(client), 0u);
}

CAF_TEST(all look ups of one read are asked at once and answered in order) {
  open();
  const auto ask_for = [&](const std::string& id) {
    return "GET " + internal + "/verify HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + id + "\r\n" + bearer() + "\r\n";
  };
  send(client, ask_for("a") + ask_for("b") + ask_for("c"));
  auto asked = take<peek_sessions>();
  CAF_REQUIRE_EQUAL(asked.message.lookups.size(), 3u);
  peeked_sessions told;
  const known verdicts[] = {known::must_load, known::active, known::revoked};
  for (std::size_t i = 0; i < 3; ++i)
    told.answers.push_back(peeked(asked.message.lookups[i], verdicts[i], make_record(11, 101)));
  answer(asked, told);
  CAF_CHECK_EQUAL(unread(client), 0u);
  auto loading = take<load_session>();
  answer(loading, resolution{session_status::unknown, {}});
  const auto responses = read_responses(client);
  CAF_REQUIRE_EQUAL(responses.size(), 3u);
  CAF_CHECK(responses[0].status == 401 && responses[0].has("X-Request-Id: a\r\n"));
  CAF_CHECK(responses[1].status == 200 && responses[1].has("X-Request-Id: b\r\n"));
  CAF_CHECK(responses[2].status == 401 && responses[2].has("X-Request-Id: c\r\n"));
}

// -- X-Min-Cursor ------------------------------------------------------------------------------------------------

CAF_TEST(a look up that brings a cursor waits until the log was read so far) {
  open();
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 10));
  answer_peek(known::active, make_record(11, 101));
  CAF_CHECK_EQUAL(status(), 200);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 12));
  revocation_event event;
  event.seq = 11;
  tell(log_progress{clock.now(), {1, 11}, {event}});
  CAF_CHECK(peers->empty());
  event.seq = 12;
  tell(log_progress{clock.now(), {1, 12}, {event}});
  answer_peek(known::revoked);
  CAF_CHECK_EQUAL(status(), 401);
  let_wait_pass(parts.resolve.cursor_wait); // nobody waits any more
}

CAF_TEST(a cursor that the log does not reach in a moment is answered by a later read) {
  open();
  const auto came = clock.now();
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  let_wait_pass(parts.resolve.cursor_wait - 1ms);
  CAF_CHECK(peers->empty());
  let_wait_pass(1ms);
  answer_read(session_status::revoked, came);
  CAF_CHECK_EQUAL(status(), 401);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  let_wait_pass(parts.resolve.cursor_wait);
  answer_peek(known::must_load, {}, clock.now() - parts.resolve.cursor_wait);
  auto asked = take<load_session>();
  fail(asked, errc::database_unavailable);
  CAF_CHECK_EQUAL(status(), 503);
}

CAF_TEST(each look up that waits for the log has its own time) {
  open();
  const auto other = connect(2);
  const auto came = clock.now();
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  let_wait_pass(parts.resolve.cursor_wait - 1ms);
  get(other, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  let_wait_pass(1ms);
  answer_read(session_status::active, came);
  CAF_CHECK_EQUAL(status(), 200);
  let_wait_pass(parts.resolve.cursor_wait - 2ms);
  CAF_CHECK(peers->empty());
  let_wait_pass(1ms);
  answer_read(session_status::revoked, came + parts.resolve.cursor_wait - 1ms);
  CAF_CHECK_EQUAL(read_response(other).status, 401);
}

CAF_TEST(a cursor of a history that is not ours is answered by a later read at once) {
  open();
  get(client, internal + "/sessions/resolve", bearer() + as_of(2, 1));
  answer_read(session_status::revoked, clock.now());
  CAF_CHECK_EQUAL(status(), 401);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  CAF_CHECK(peers->empty());
  const auto came = clock.now();
  clock.advance(1ms);
  tell(epoch_changed{{2, 20}, "restored"});
  answer_read(session_status::active, came);
  CAF_CHECK_EQUAL(status(), 200);
}

CAF_TEST(before the log was read a cursor is answered by a later read) {
  start();
  tell(portcullis::start_serving{});
  client = connect(1);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 1));
  answer_read(session_status::revoked, clock.now());
  CAF_CHECK_EQUAL(status(), 401);
}

CAF_TEST(who finds no room to wait for the log is answered by a later read) {
  parts.resolve.waiting_lookups_max = 1;
  open();
  const auto other = connect(2);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 11));
  get(other, internal + "/sessions/resolve", bearer() + as_of(1, 11));
  answer_read(session_status::revoked, clock.now());
  CAF_CHECK_EQUAL(read_response(other).status, 401);
  leave(client);
  let_wait_pass(parts.resolve.cursor_wait); // nobody is asked for one who has gone
}

CAF_TEST(verify reads no cursor since a client may have sent it) {
  open();
  for (const auto& sent : {as_of(1, 11), as_of(9, 1), std::string{"X-Min-Cursor: soon\r\n"}}) {
    get(client, internal + "/verify", bearer() + sent);
    answer_peek(known::active, make_record(11, 101));
    CAF_CHECK_EQUAL(status(), 200);
  }
}

CAF_TEST(where a later read proves nothing a cursor that is not reached goes with the load) {
  parts.resolve.reads_through = false; // as at an edge
  open();
  auto answer_load = [&](cursor wanted, session_status status) {
    auto asked = take<load_session>();
    CAF_REQUIRE(asked.message.at_least);
    CAF_CHECK(asked.message.hash == secret.hash());
    CAF_CHECK(*asked.message.at_least == wanted);
    CAF_CHECK(asked.message.read_after > instant::min());
    answer(asked, resolution{status, make_record(11, 101)});
  };
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 13));
  CAF_CHECK(peers->empty());
  let_wait_pass(parts.resolve.cursor_wait);
  answer_load({1, 13}, session_status::revoked);
  CAF_CHECK_EQUAL(status(), 401);
  get(client, internal + "/sessions/resolve", bearer() + as_of(9, 1));
  answer_load({9, 1}, session_status::active);
  CAF_CHECK_EQUAL(status(), 200);
  get(client, internal + "/sessions/resolve", bearer() + as_of(1, 10));
  answer_peek(known::active, make_record(11, 101));
  CAF_CHECK_EQUAL(status(), 200);
}

CAF_TEST(introspection honours a cursor) {
  open();
  const auto introspect = [&](const std::string& fields) {
    const auto form = "token=" + std::string{secret.reveal()};
    send(client, "POST " + internal + "/introspect HTTP/1.1\r\nHost: h\r\n" + fields
                   + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                   + std::to_string(form.size()) + "\r\n\r\n" + form);
  };
  introspect(as_of(1, 11));
  CAF_CHECK(peers->empty());
  let_wait_pass(parts.resolve.cursor_wait);
  answer_read(session_status::revoked, clock.now() - parts.resolve.cursor_wait);
  CAF_CHECK_EQUAL(read_response(client).body, R"({"active":false})");
  introspect("X-Min-Cursor: soon\r\n");
  CAF_CHECK(read_response(client).tells(R"("code":"cursor_malformed")"));
}

// -- answers that may be kept ----------------------------------------------------------------------------------

CAF_TEST(an answer that allows may be kept for as long as the lease lasts) {
  parts.resolve.verdict_max_age = 5s;
  parts.resolve.staleness_max = 30s;
  open();
  tell(log_progress{clock.now(), {1, 10}, {}});
  CAF_CHECK(verified().has("X-Accel-Expires: 5\r\nCache-Control: private, max-age=5\r\n"));
  clock.advance(25s);
  CAF_CHECK(verified().has("Cache-Control: private, max-age=5\r\n"));
  clock.advance(1ms);
  CAF_CHECK(verified().has("Cache-Control: private, max-age=4\r\n"));
  clock.advance(4s - 2ms);
  CAF_CHECK(verified().has("X-Accel-Expires: 1\r\nCache-Control: private, max-age=1\r\n"));
  clock.advance(2ms);
  CAF_CHECK(may_not_be_kept(verified()));
  clock.advance(1h);
  CAF_CHECK(may_not_be_kept(verified()));
  tell(log_progress{instant::min(), {1, 11}, {}}); // a page that is not the last
  CAF_CHECK(may_not_be_kept(verified()));
  tell(log_progress{clock.now() - 27s, {1, 12}, {}});
  CAF_CHECK(verified().has("Cache-Control: private, max-age=3\r\n"));
  tell(epoch_changed{{2, 1}, "restored"});
  CAF_CHECK(may_not_be_kept(verified()));
}

CAF_TEST(no answer may be kept unless it was asked for) {
  open();
  tell(log_progress{clock.now(), {1, 10}, {}});
  CAF_CHECK(may_not_be_kept(verified()));
  const auto r = introspected(known::active);
  CAF_CHECK(may_not_be_kept(r));
  CAF_CHECK(!r.tells("\"exp\""));
}

CAF_TEST(denials and records may not be kept) {
  parts.resolve.verdict_max_age = 5s;
  open();
  tell(log_progress{clock.now(), {1, 10}, {}});
  for (const auto denial : {known::revoked, known::unknown}) {
    get(client, internal + "/verify", bearer());
    answer_peek(denial);
    const auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, 401);
    CAF_CHECK(may_not_be_kept(r));
    CAF_CHECK(may_not_be_kept(introspected(denial)));
  }
  get(client, internal + "/verify");
  CAF_CHECK(may_not_be_kept(read_response(client)));
  get(client, internal + "/sessions/resolve", bearer());
  answer_peek(known::active, make_record(11, 101));
  CAF_CHECK(may_not_be_kept(read_response(client)));
}

CAF_TEST(an active introspection says until when it may be kept) {
  parts.resolve.verdict_max_age = 7s;
  open();
  tell(log_progress{clock.now(), {1, 10}, {}});
  const auto before = unix_seconds();
  const auto r = introspected(known::active);
  CAF_CHECK(r.has("Cache-Control: private, max-age=7\r\n"));
  const auto at = r.body.find("\"exp\":");
  CAF_REQUIRE(at != std::string::npos);
  const auto expires_at = std::stoll(r.body.substr(at + 6));
  CAF_CHECK(expires_at >= before + 7);
  CAF_CHECK(expires_at <= unix_seconds() + 7);
}

CAF_TEST_FIXTURE_SCOPE_END()
