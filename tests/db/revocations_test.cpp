#include "caf/test/unit_test.hpp"

#include "db/advisory_locks.hpp"
#include "db/support.hpp"

#include <atomic>
#include <future>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

const store::revocation_cause cause{"lost phone", "user"};

struct fixture : migrated_database {
  fixture() : migrated_database("revocations"), conn(connect()), other(connect()) {
    // nop
  }

  std::int64_t events() {
    return number(other, "select count(*) from revocation_events");
  }

  /// The log from its beginning.
  std::vector<revocation_event> log() {
    cursor start{static_cast<std::uint64_t>(number(other, "select feed_epoch()")), 0};
    return must(conn, store::read_events{start, 1000}).events;
  }

  db::connection conn;
  db::connection other; // for looking on
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(revocation_tests, fixture)

CAF_TEST(a session ends once with one event) {
  auto made = new_session(conn, new_account(conn));
  auto done = must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  CAF_CHECK(done.revoked);
  CAF_CHECK(done.session_id == made.session.session_id);
  CAF_CHECK(done.account_id == made.session.account_id);

  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 1u);
  CAF_CHECK(entries[0].kind == revocation_kind::session);
  CAF_CHECK_EQUAL(entries[0].seq, done.position.seq);
  CAF_CHECK(entries[0].session_id == made.session.session_id);
  CAF_CHECK(entries[0].account_id == made.session.account_id);
  CAF_CHECK_EQUAL(entries[0].reason, "lost phone");
  CAF_CHECK_EQUAL(entries[0].actor, "user");
  CAF_CHECK(entries[0].occurred_at > wall_clock_now() - patience);

  auto dead = must(conn, store::get_session{made.session.session_id});
  CAF_CHECK(!dead.is_active);
  CAF_CHECK(dead.revoked_at.has_value());
  CAF_CHECK_EQUAL(dead.revoke_reason, "lost phone");

  auto again = must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  CAF_CHECK(!again.revoked);
  CAF_CHECK(again.position == done.position);
  CAF_CHECK_EQUAL(events(), 1);
}

CAF_TEST(a session ends by its token) {
  auto draft = new_draft();
  must(conn, store::mint_session{draft, new_account(conn)});
  auto done = must(conn, store::revoke_session{draft.hash, {}, cause, new_id()});
  CAF_CHECK(done.revoked);
  CAF_CHECK(done.session_id == draft.session_id);
  CAF_CHECK(status_of(conn, draft.hash) == session_status::revoked);
}

CAF_TEST(only its owner ends a session when an owner is named) {
  auto made = new_session(conn, new_account(conn));
  auto id = made.session.session_id;
  CAF_CHECK(code_of(run_one(conn, store::revoke_session{id, new_account(conn), cause, new_id()}))
            == errc::session_not_found);
  CAF_CHECK_EQUAL(events(), 0);
  CAF_CHECK(must(conn, store::get_session{id}).is_active);
  CAF_CHECK(must(conn, store::revoke_session{id, made.session.account_id, cause, new_id()}).revoked);
}

CAF_TEST(what never was cannot be revoked) {
  CAF_CHECK(code_of(run_one(conn, store::revoke_session{new_id(), {}, cause, new_id()}))
            == errc::session_not_found);
  CAF_CHECK(code_of(run_one(conn, store::revoke_session{new_hash(), {}, cause, new_id()}))
            == errc::session_not_found);
  CAF_CHECK(code_of(run_one(conn, store::revoke_account{new_id(), {}, cause, new_id()}))
            == errc::account_not_found);
  CAF_CHECK(code_of(run_one(conn, store::delete_account{new_id(), cause, new_id()})) == errc::account_not_found);
  CAF_CHECK_EQUAL(events(), 0);
}

CAF_TEST(one batch may name a session more than once) {
  auto draft = new_draft();
  auto made = must(conn, store::mint_session{draft, new_account(conn)});
  auto bystander = new_session(conn, made.session.account_id);
  std::vector<store::operation> batch{
    store::revoke_session{draft.session_id, new_id(), cause, new_id()}, // not the owner
    store::revoke_session{draft.hash, {}, cause, new_id()},
    store::revoke_session{draft.session_id, {}, cause, new_id()},
    store::revoke_session{bystander.session.session_id, {}, cause, new_id()},
  };
  auto report = db::execute(conn, batch, soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::session_not_found);
  auto first = std::get<store::revoke_session::result>(report.outcomes[1]);
  auto second = std::get<store::revoke_session::result>(report.outcomes[2]);
  CAF_CHECK(first.revoked);
  CAF_CHECK(!second.revoked);
  CAF_CHECK(second.position.seq >= first.position.seq);
  CAF_CHECK(std::get<store::revoke_session::result>(report.outcomes[3]).revoked);
  CAF_CHECK_EQUAL(events(), 2);
}

CAF_TEST(all of an account end with one event) {
  auto owner = new_account(conn);
  std::vector<store::minted> made;
  for (int i = 0; i < 4; ++i)
    made.push_back(new_session(conn, owner));
  auto bystander = new_session(conn, new_account(conn));
  must(conn, store::revoke_session{made[0].session.session_id, {}, cause, new_id()});

  auto done = must(conn, store::revoke_account{owner, {}, cause, new_id()});
  CAF_CHECK_EQUAL(done.revoked, 3u);
  CAF_CHECK_EQUAL(done.generation, 1);
  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 2u);
  CAF_CHECK(entries[1].kind == revocation_kind::account);
  CAF_CHECK(entries[1].account_id == owner);
  CAF_CHECK(entries[1].session_id.is_nil());
  CAF_CHECK_EQUAL(entries[1].generation, 1);
  CAF_CHECK_EQUAL(entries[1].seq, done.position.seq);
  for (const auto& one : made) {
    auto now = must(conn, store::get_session{one.session.session_id});
    CAF_CHECK(!now.is_active);
    CAF_CHECK(now.revoked_at.has_value());
  }
  CAF_CHECK(must(conn, store::get_session{bystander.session.session_id}).is_active);

  auto later = new_session(conn, owner);
  CAF_CHECK_EQUAL(later.generation, 1);
  CAF_CHECK(later.session.is_active);
  // Dead by its generation: there is nothing left to revoke, and the log says so already.
  auto late = must(conn, store::revoke_session{made[1].session.session_id, {}, cause, new_id()});
  CAF_CHECK(!late.revoked);
  CAF_CHECK(late.position.seq >= done.position.seq);
}

CAF_TEST(the session that is kept moves to the new generation) {
  auto owner = new_account(conn);
  auto kept = new_session(conn, owner);
  auto ended = new_session(conn, owner);
  auto done = must(conn, store::revoke_account{owner, kept.session.session_id, cause, new_id()});
  CAF_CHECK_EQUAL(done.revoked, 1u);
  CAF_CHECK(must(conn, store::get_session{kept.session.session_id}).is_active);
  CAF_CHECK(!must(conn, store::get_session{ended.session.session_id}).is_active);
  auto page = must(conn, store::list_sessions{owner, {}, 10});
  CAF_CHECK_EQUAL(page.sessions.size(), 1u);
}

CAF_TEST(a dead or foreign session is not kept) {
  auto owner = new_account(conn);
  auto dead = new_session(conn, owner);
  must(conn, store::revoke_session{dead.session.session_id, {}, cause, new_id()});
  auto alive = new_session(conn, owner);
  auto foreign = new_session(conn, new_account(conn));
  CAF_CHECK_EQUAL(must(conn, store::revoke_account{owner, dead.session.session_id, cause, new_id()}).revoked, 1u);
  CAF_CHECK(!must(conn, store::get_session{dead.session.session_id}).is_active);
  CAF_CHECK(!must(conn, store::get_session{alive.session.session_id}).is_active);
  CAF_CHECK_EQUAL(must(conn, store::revoke_account{owner, foreign.session.session_id, cause, new_id()}).revoked,
                  0u);
  CAF_CHECK(must(conn, store::get_session{foreign.session.session_id}).is_active);
}

CAF_TEST(one batch may name an account more than once) {
  auto owner = new_account(conn);
  auto kept = new_session(conn, owner);
  new_session(conn, owner);
  std::vector<store::operation> batch{
    store::revoke_account{owner, kept.session.session_id, cause, new_id()},
    store::revoke_account{owner, {}, cause, new_id()},
    store::revoke_account{owner, {}, cause, new_id()},
  };
  auto report = db::execute(conn, batch, soon());
  std::size_t revoked[] = {1, 1, 0};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto& one = std::get<store::revoke_account::result>(report.outcomes[i]);
    CAF_CHECK_EQUAL(one.revoked, revoked[i]);
    CAF_CHECK_EQUAL(one.generation, static_cast<std::int32_t>(i) + 1);
  }
  CAF_CHECK_EQUAL(events(), 3);
}

CAF_TEST(a deleted account takes everything along and says so in the log) {
  store::mint_for_identity op{new_draft(), new_claim("ann@example.org")};
  auto made = must(conn, op);
  must(conn, store::revoke_account{op.claim.account_id, {}, cause, new_id()});
  auto done = must(conn, store::delete_account{op.claim.account_id, cause, new_id()});
  CAF_CHECK_EQUAL(done.generation, 2);
  auto last = log().back();
  CAF_CHECK(last.kind == revocation_kind::account);
  CAF_CHECK(last.account_id == op.claim.account_id);
  CAF_CHECK_EQUAL(last.generation, 2);
  CAF_CHECK_EQUAL(last.seq, done.position.seq);
  CAF_CHECK(status_of(conn, op.draft.hash) == session_status::unknown);
  CAF_CHECK(code_of(run_one(conn, store::get_account{op.claim.account_id})) == errc::account_not_found);
  CAF_CHECK(code_of(run_one(conn, store::find_account{op.claim.key})) == errc::account_not_found);
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions"), 0);
}

CAF_TEST(a seated account stays as it is) {
  store::mint_for_identity op{new_draft(), new_claim("ann@example.org")};
  must(conn, op);
  seat(other, op.claim.account_id);
  auto bystander = new_account(conn);
  auto report = db::execute(conn,
                            {store::delete_account{op.claim.account_id, cause, new_id()},
                             store::delete_account{bystander, cause, new_id()}},
                            soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::account_seated);
  CAF_CHECK(code_of(report.outcomes[1]) == errc::none);
  CAF_CHECK_EQUAL(report.error, ""); // seen under the lock, not run into
  CAF_CHECK_EQUAL(events(), 1);
  CAF_CHECK(status_of(conn, op.draft.hash) == session_status::active);
  CAF_CHECK_EQUAL(must(conn, store::get_account{op.claim.account_id}).identities.size(), 1u);
}

CAF_TEST(another table that holds the account counts as a seat) {
  auto owner = new_account(conn);
  auto made = new_session(conn, owner);
  run(other, "create table tournament_players (account_id uuid references accounts);"
             " insert into tournament_players select account_id from accounts");
  CAF_CHECK(code_of(run_one(conn, store::delete_account{owner, cause, new_id()})) == errc::account_seated);
  CAF_CHECK_EQUAL(events(), 0);
  CAF_CHECK(must(conn, store::get_session{made.session.session_id}).is_active);
}

CAF_TEST(a revocation that waited for a kept session to move still ends it) {
  // The moved row has the new generation; compared with the account as it was before, it would look dead already.
  auto owner = new_account(conn);
  auto kept = new_session(conn, owner);
  auto id = kept.session.session_id;
  run(other,
      "begin; select from accounts for update;"
      " update accounts set session_generation = session_generation + 1; update sessions set generation = 1");
  auto revocation = std::async(std::launch::async, [&] {
    return must(conn, store::revoke_session{id, {}, cause, new_id()});
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(other, "commit");
  CAF_CHECK(revocation.get().revoked);
  CAF_CHECK(!must(conn, store::get_session{id}).is_active);
}

CAF_TEST(a session that is being ended is not counted again) {
  auto owner = new_account(conn);
  auto made = new_session(conn, owner);
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::revocation_log_lock) + ")");
  auto watcher = connect();
  auto one = std::async(std::launch::async, [&] {
    auto mine = connect();
    return must(mine, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  });
  wait_until_blocked(watcher, 1); // the session's row is changed, its event is not written
  auto all = std::async(std::launch::async, [&] {
    return must(conn, store::revoke_account{owner, {}, cause, new_id()});
  });
  wait_until_blocked(watcher, 2);
  run(other, "commit");
  CAF_CHECK(one.get().revoked);
  CAF_CHECK_EQUAL(all.get().revoked, 0u);
}

CAF_TEST(revoking all is exact by generation under concurrent mints) {
  constexpr int minters = 3;
  constexpr int rounds = 60;
  std::mt19937 dice{random_seed()};
  auto owner = new_account(conn);
  std::atomic<bool> is_over{false};
  std::atomic<int> acknowledged{0};
  std::vector<std::future<std::vector<store::minted>>> mints;
  for (int i = 0; i < minters; ++i) {
    mints.push_back(std::async(std::launch::async, [this, owner, &is_over, &acknowledged, seed = dice()] {
      std::mt19937 own_dice{seed};
      auto mine = connect();
      std::vector<store::minted> made;
      while (!is_over) {
        std::vector<store::operation> batch;
        for (auto n = own_dice() % 4 + 1; n > 0; --n)
          batch.push_back(store::mint_session{new_draft(), owner});
        for (auto& one : db::execute(mine, batch, soon()).outcomes)
          made.push_back(std::get<store::minted>(std::move(one)));
        ++acknowledged;
      }
      return made;
    }));
  }
  for (auto deadline = soon(); acknowledged == 0 && boot_clock::now() < deadline;)
    std::this_thread::yield();
  std::map<std::int32_t, std::size_t> revoked; // by the generation that died
  for (int i = 0; i < rounds; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds{dice() % 8000});
    auto done = must(conn, store::revoke_account{owner, {}, cause, new_id()});
    revoked[done.generation - 1] = done.revoked;
  }
  is_over = true;
  std::map<std::int32_t, std::size_t> minted;
  for (auto& one : mints)
    for (const auto& made : one.get()) {
      ++minted[made.generation];
      bool is_last = made.generation == rounds;
      CAF_CHECK(must(conn, store::get_session{made.session.session_id}).is_active == is_last);
    }
  std::size_t revoked_total = 0;
  for (int generation = 0; generation < rounds; ++generation) {
    CAF_CHECK_EQUAL(revoked[generation], minted[generation]);
    revoked_total += revoked[generation];
  }
  CAF_CHECK(revoked_total > 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
