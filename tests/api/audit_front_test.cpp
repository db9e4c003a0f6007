#include "api/front_fixture.hpp"

#include "trust/caller_key.hpp"

#include <memory>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

/// What the front tells the audit: whose request a change comes from, what operators were shown, who was refused.
namespace {

const std::string traced = "X-Request-Id: r-1\r\n"
                           "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
const std::string as_user = "X-User-ID: " + to_string(make_uuid(101)) + "\r\n";

struct fixture : http_client_fixture {
  std::chrono::steady_clock::time_point time{1h};
  trust::caller_key key = trust::caller_key::from_random({{7}});

  void open_with_callers() {
    auto registry = std::make_shared<trust::caller_registry>();
    trust::caller gateway;
    gateway.name = "gateway";
    gateway.may = *trust::parse_right("sessions:mint");
    registry->add(std::move(gateway), {{key.hash()}, {}});
    auto callers = std::make_shared<published<trust::caller_registry>>();
    callers->publish(std::move(registry));
    parts.gate.callers = std::move(callers);
    parts.gate.now = [this] { return time; };
    open();
  }

  void later(std::chrono::seconds by) {
    time += by;
    tick();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(audit_front_tests, fixture)

CAF_TEST(a change says whose request it comes from) {
  open_with_callers();
  request(client, "POST", internal + "/sessions", "X-Caller-Key: " + std::string{key.reveal()} + "\r\n" + traced,
          "{\"account_id\":" + quoted(101) + "}");
  auto asked = take<mint_request>();
  const auto& from = asked.message.origin;
  CAF_CHECK_EQUAL(from.actor, "internal");
  CAF_CHECK_EQUAL(from.caller, "gateway");
  CAF_CHECK(!from.user_id);
  CAF_CHECK_EQUAL(from.request_id, "r-1");
  CAF_CHECK_EQUAL(int{from.trace_id[0]}, 0x4b);
  CAF_CHECK_EQUAL(int{from.trace_id[15]}, 0x36);
  fail(asked, errc::overloaded);
  CAF_CHECK_EQUAL(status(), 503);
}

CAF_TEST(what a gateway does for a user names the user) {
  open();
  request(client, "DELETE", "/api/v1/user/sessions", as_user);
  auto asked = take<store::revoke_account>();
  CAF_CHECK_EQUAL(asked.message.origin.actor, "user");
  CAF_CHECK(asked.message.origin.user_id == make_uuid(101));
  CAF_CHECK(asked.message.origin.caller.empty());
  CAF_CHECK(!asked.message.origin.request_id.empty()); // one that was made here
  fail(asked, errc::overloaded);
  CAF_CHECK_EQUAL(status(), 503);
}

CAF_TEST(an operator is shown accounts once that is in the audit) {
  open();
  get(client, "/api/v1/admin/accounts");
  auto search = take<store::list_accounts>();
  account one;
  one.account_id = make_uuid(101);
  account two;
  two.account_id = make_uuid(102);
  answer(search, store::list_accounts::result{{one, two}, false});
  CAF_CHECK_EQUAL(unread(client), 0u);
  auto noted = take<store::record_audit>();
  CAF_REQUIRE_EQUAL(noted.message.notes.size(), 2u);
  CAF_CHECK(noted.message.notes[0].action == audit_action::account_read);
  CAF_CHECK(noted.message.notes[1].account_id == make_uuid(102));
  CAF_CHECK_EQUAL(noted.message.notes[0].origin.actor, "admin");
  answer(noted, store::record_audit::result{});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells(quoted(101)));
}

CAF_TEST(an operator is shown nothing that could not be put into the audit) {
  open();
  get(client, "/api/v1/admin/accounts");
  auto search = take<store::list_accounts>();
  account one;
  one.account_id = make_uuid(101);
  answer(search, store::list_accounts::result{{one}, false});
  auto noted = take<store::record_audit>();
  fail(noted, errc::database_unavailable);
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK(!r.tells(quoted(101)));
}

CAF_TEST(refused callers are sampled and written later) {
  open_with_callers();
  const auto refused = [&](int times, std::string_view path) {
    for (int i = 0; i < times; ++i) {
      request(client, "POST", path, traced);
      CAF_CHECK_EQUAL(status(), 401);
    }
  };
  refused(3, internal + "/accounts/guest");
  refused(1, internal + "/sessions");
  CAF_CHECK(peers->empty());
  tick();
  auto first = take<store::record_audit>();
  CAF_REQUIRE_EQUAL(first.message.notes.size(), 2u);
  const auto& note = first.message.notes[0];
  CAF_CHECK(note.action == audit_action::caller_refused);
  CAF_CHECK_EQUAL(note.reason, "unknown: create_guest_account, and 2 more");
  CAF_CHECK_EQUAL(note.origin.request_id, "r-1");
  CAF_CHECK_EQUAL(first.message.notes[1].reason, "unknown: mint_session");
  // One message at a time.
  refused(1, internal + "/sessions");
  later(2s);
  CAF_CHECK(peers->empty());
  answer(first, store::record_audit::result{});
  tick();
  auto second = take<store::record_audit>();
  CAF_CHECK_EQUAL(second.message.notes.size(), 1u);
  fail(second, errc::database_unavailable); // lost, and nobody waits for it
  later(2s);
  CAF_CHECK(peers->empty());
}

CAF_TEST(however many callers are refused the entries are bounded) {
  open_with_callers();
  std::size_t entries = 0;
  const auto drain = [&] {
    later(1s);
    while (!peers->empty()) {
      auto noted = take<store::record_audit>();
      CAF_CHECK_LESS_OR_EQUAL(noted.message.notes.size(), 16u);
      entries += noted.message.notes.size();
      answer(noted, store::record_audit::result{});
    }
  };
  for (int second = 0; second < 60; ++second) {
    for (const char* path : {"/accounts/guest", "/sessions", "/accounts"}) {
      request(client, "POST", internal + path);
      CAF_CHECK_EQUAL(status(), 401);
    }
    drain();
  }
  CAF_CHECK_LESS_OR_EQUAL(entries, 32u + 12u);
  CAF_CHECK_GREATER_OR_EQUAL(entries, 32u);
}

CAF_TEST_FIXTURE_SCOPE_END()
