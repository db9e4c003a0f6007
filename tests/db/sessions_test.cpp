#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

struct fixture : migrated_database {
  fixture() : migrated_database("sessions"), conn(connect()), other(connect()) {
    // nop
  }

  std::int64_t sessions() {
    return number(other, "select count(*) from sessions");
  }

  db::connection conn;
  db::connection other; // for looking on
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_tests, fixture)

CAF_TEST(a minted session is told with its account and found by token and id) {
  auto owner = must(conn, store::find_or_create_account{new_claim("ann@example.org", "Ann")}).account;
  store::mint_session op{new_draft("phone"), owner.account_id};
  auto made = must(conn, op);
  CAF_CHECK(made.session.session_id == op.draft.session_id);
  CAF_CHECK(made.session.account_id == owner.account_id);
  CAF_CHECK(!made.session.is_guest);
  CAF_CHECK(made.session.device == op.draft.device);
  CAF_CHECK(made.session.is_active);
  CAF_CHECK(!made.session.revoked_at);
  CAF_CHECK(made.session.created_at > wall_clock_now() - patience);
  CAF_CHECK(made.account == owner);
  CAF_CHECK_EQUAL(made.generation, 0);
  CAF_CHECK(!made.account_created);

  auto found = must(conn, store::find_session{op.draft.hash});
  CAF_CHECK(found.status == session_status::active);
  CAF_CHECK(found.record.session_id == op.draft.session_id);
  CAF_CHECK(found.record.account_id == owner.account_id);
  CAF_CHECK(found.record.created_at == made.session.created_at);
  CAF_CHECK_EQUAL(found.record.generation, 0);
  CAF_CHECK(!found.record.is_guest);
  CAF_CHECK(must(conn, store::get_session{op.draft.session_id}) == made.session);
}

CAF_TEST(what was never minted is unknown) {
  CAF_CHECK(status_of(conn, new_hash()) == session_status::unknown);
  CAF_CHECK(code_of(run_one(conn, store::get_session{new_id()})) == errc::session_not_found);
  CAF_CHECK(code_of(run_one(conn, store::list_sessions{new_id(), {}, 10})) == errc::account_not_found);
}

CAF_TEST(a mint for a missing account fails alone) {
  auto owner = new_account(conn);
  std::vector<store::operation> batch;
  for (int i = 0; i < 5; ++i)
    batch.push_back(store::mint_session{new_draft(), i == 2 ? new_id() : owner});
  auto report = db::execute(conn, batch, soon());
  for (std::size_t i = 0; i < batch.size(); ++i)
    CAF_CHECK(code_of(report.outcomes[i]) == (i == 2 ? errc::account_not_found : errc::none));
  CAF_CHECK_EQUAL(sessions(), 4);
  CAF_CHECK(!report.connection_lost);
}

CAF_TEST(a mint that is run again after its outcome was lost makes one session) {
  store::mint_session plain{new_draft(), new_account(conn)};
  CAF_CHECK(must(conn, plain).session == must(conn, plain).session);

  store::mint_for_identity claimed{new_draft(), new_claim("ann@example.org")};
  auto first = must(conn, claimed);
  auto second = must(conn, claimed);
  CAF_CHECK(first.session == second.session);
  CAF_CHECK(second.account_created);

  store::mint_guest guest{new_draft(), new_id()};
  CAF_CHECK(must(conn, guest).session == must(conn, guest).session);
  CAF_CHECK_EQUAL(sessions(), 3);
}

CAF_TEST(the id or token of another session is not taken over) {
  auto owner = new_account(conn);
  auto held = new_draft();
  must(conn, store::mint_session{held, owner});
  auto same_id = new_draft();
  same_id.session_id = held.session_id;
  auto same_token = new_draft();
  same_token.hash = held.hash;
  CAF_CHECK(code_of(run_one(conn, store::mint_session{same_id, owner})) == errc::internal);
  CAF_CHECK(code_of(run_one(conn, store::mint_session{same_token, owner})) == errc::internal);
  CAF_CHECK_EQUAL(sessions(), 1);
}

CAF_TEST(minting for an identity creates its account once) {
  store::mint_for_identity first{new_draft(), new_claim("ann@example.org", "Ann")};
  auto made = must(conn, first);
  CAF_CHECK(made.account_created);
  CAF_CHECK(made.account.account_id == first.claim.account_id);
  CAF_CHECK(made.account.display_name == "Ann");
  CAF_CHECK_EQUAL(made.account.identities.size(), 1u);
  CAF_CHECK(made.session.session_id == first.draft.session_id);

  auto again = must(conn, store::mint_for_identity{new_draft(), new_claim("ann@example.org", "Other")});
  CAF_CHECK(!again.account_created);
  CAF_CHECK(again.account == made.account);
  CAF_CHECK(status_of(conn, first.draft.hash) == session_status::active);
}

CAF_TEST(a mint whose account is deleted under it makes the account anew) {
  must(conn, store::find_or_create_account{new_claim("ann@example.org")});
  run(other, "begin; select from accounts for update");
  store::mint_for_identity op{new_draft(), new_claim("ann@example.org")};
  auto mint = std::async(std::launch::async, [&] { return must(conn, op); });
  auto watcher = connect();
  wait_until_blocked(watcher, 1); // it has found the identity and waits for the account
  run(other, "delete from accounts; commit");
  auto made = mint.get();
  CAF_CHECK(made.account_created);
  CAF_CHECK(made.account.account_id == op.claim.account_id);
  CAF_CHECK(made.session.session_id == op.draft.session_id);
}

CAF_TEST(one batch may mint many sessions for one identity) {
  std::vector<store::operation> batch;
  for (int i = 0; i < 10; ++i)
    batch.push_back(store::mint_for_identity{new_draft(), new_claim("ann@example.org")});
  auto report = db::execute(conn, batch, soon());
  int created = 0;
  for (const auto& one : report.outcomes)
    created += std::get<store::minted>(one).account_created ? 1 : 0;
  CAF_CHECK_EQUAL(created, 1);
  CAF_CHECK_EQUAL(sessions(), 10);
  CAF_CHECK_EQUAL(number(other, "select count(*) from accounts"), 1);
}

CAF_TEST(a guest comes with its first session) {
  store::mint_guest op{new_draft(), new_id()};
  auto made = must(conn, op);
  CAF_CHECK(made.account_created);
  CAF_CHECK(made.account.is_guest);
  CAF_CHECK(made.session.is_guest);
  CAF_CHECK(made.account.account_id == op.account_id);
  CAF_CHECK(must(conn, store::find_session{op.draft.hash}).record.is_guest);
}

CAF_TEST(what was not said of the device stays empty) {
  store::mint_guest op{{new_id(), new_hash(), {}}, new_id()};
  CAF_CHECK(must(conn, op).session.device == device{});
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions where ip is null and device_label is null"
                                " and user_agent is null"),
                  1);
}

CAF_TEST(an IPv6 address comes back in its canonical form) {
  store::mint_guest op{{new_id(), new_hash(), {"", "", "2001:0DB8:0:0::1"}}, new_id()};
  CAF_CHECK_EQUAL(must(conn, op).session.device.ip, "2001:db8::1");
}

CAF_TEST(active sessions are listed by id and page by page) {
  auto owner = new_account(conn);
  std::vector<uuid> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(new_session(conn, owner).session.session_id);
  new_session(conn, new_account(conn)); // somebody else's
  must(conn, store::revoke_session{ids[1], {}, {"", "user"}, new_id()});
  ids.erase(ids.begin() + 1);

  auto first = must(conn, store::list_sessions{owner, {}, 3});
  CAF_REQUIRE_EQUAL(first.sessions.size(), 3u);
  CAF_CHECK(first.has_more);
  for (std::size_t i = 0; i < 3; ++i)
    CAF_CHECK(first.sessions[i].session_id == ids[i]);
  auto rest = must(conn, store::list_sessions{owner, ids[2], 3});
  CAF_REQUIRE_EQUAL(rest.sessions.size(), 1u);
  CAF_CHECK(rest.sessions[0].session_id == ids[3]);
  CAF_CHECK(!rest.has_more);
  auto exact = must(conn, store::list_sessions{owner, {}, 4});
  CAF_CHECK_EQUAL(exact.sessions.size(), 4u);
  CAF_CHECK(!exact.has_more);
}

CAF_TEST(an account without sessions has an empty list) {
  auto page = must(conn, store::list_sessions{new_account(conn), {}, 10});
  CAF_CHECK(page.sessions.empty());
  CAF_CHECK(!page.has_more);
}

// A statement's plan is made when a connection first uses it, and may outlive the emptiness of the tables.
CAF_TEST(a mint that was prepared over empty tables does not read them from end to end later) {
  migrated_database empty{"sessions"};
  auto options = empty.options();
  options.policy.per_account_max = 2;
  db::connection minting;
  CAF_REQUIRE(minting.open(options, soon()).code == errc::none);
  auto watching = empty.connect();
  run(watching, "vacuum analyze"); // the statistics say that nothing is there
  new_session(minting, new_account(minting));
  run(watching, "with a as (insert into accounts (account_id, is_guest) select gen_random_uuid(), true"
                " from generate_series(1, 5000) returning account_id)"
                " insert into sessions (session_id, account_id, token_hash, generation)"
                " select gen_random_uuid(), account_id, sha256(account_id::text::bytea), 0 from a");
  report_statistics(watching); // it has looked up each of those accounts
  auto entries_read = [&] {
    report_statistics(minting);
    return number(watching, "select sum(idx_tup_read + seq_tup_read) from pg_stat_user_indexes i"
                            " join pg_stat_user_tables t using (relid)"
                            " where i.relname in ('sessions', 'accounts', 'audit_events')");
  };
  auto owner = new_account(minting);
  auto before = entries_read();
  for (int i = 0; i < 3; ++i)
    new_session(minting, owner); // the last one ends the first
  CAF_CHECK_LESS_OR_EQUAL(entries_read() - before, 300);
  CAF_CHECK_EQUAL(number(watching, "select count(*) from sessions where revoke_reason = 'superseded'"), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
