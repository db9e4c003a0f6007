#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

/// A cluster of this suite's own, to be killed.
struct fixture {
  fixture() : dsn(private_postgres("start", PORTCULLIS_CRASH_CLUSTER)) {
    store = std::make_unique<migrated_database>("crash", dsn);
  }
  ~fixture() {
    store.reset();
    private_postgres("stop", PORTCULLIS_CRASH_CLUSTER);
  }

  std::string dsn;
  std::unique_ptr<migrated_database> store;
};

/// What one client was told before the crash, and what it was left in doubt about.
struct witness {
  std::vector<store::session_draft> minted;
  std::vector<token_hash> revoked;
  std::vector<store::operation> in_doubt;
};

/// Mints and revokes until the server is gone.
witness work(db::connection conn, const uuid& owner, std::atomic<int>& acknowledged) {
  witness seen;
  while (true) {
    std::vector<store::operation> batch;
    std::vector<store::session_draft> drafts;
    for (int i = 0; i < 4; ++i) {
      drafts.push_back(new_draft());
      batch.push_back(store::mint_session{drafts.back(), owner});
    }
    bool has_victim = seen.minted.size() >= 8;
    if (has_victim)
      batch.push_back(store::revoke_session{seen.minted.back().hash, {}, {"", "user"}, new_id()});
    auto report = db::execute(conn, batch, soon());
    if (has_victim && code_of(report.outcomes[4]) == errc::none) {
      seen.revoked.push_back(seen.minted.back().hash);
      seen.minted.pop_back();
    }
    for (std::size_t i = 0; i < drafts.size(); ++i)
      if (code_of(report.outcomes[i]) == errc::none)
        seen.minted.push_back(drafts[i]);
    if (report.connection_lost) {
      for (auto at : report.lost)
        seen.in_doubt.push_back(batch[at]);
      return seen;
    }
    ++acknowledged;
  }
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(crash_tests, fixture)

CAF_TEST(everything acknowledged survives a crash of the server under load) {
  constexpr int clients = 4;
  constexpr int batches_before_the_crash = 60;
  auto watcher = store->connect();
  auto owner = new_account(watcher);
  auto held = new_account(watcher);
  auto holder = store->connect();
  run(holder, "begin");
  number(holder, "select 1 from accounts where account_id = '" + to_string(held) + "' for update");
  std::atomic<int> acknowledged{0};
  std::vector<std::future<witness>> working;
  auto start = [&](const uuid& whose) { // connected before the crash, whenever its thread has its first turn
    working.push_back(std::async(std::launch::async, [&acknowledged, whose, conn = store->connect()]() mutable {
      return work(std::move(conn), whose, acknowledged);
    }));
  };
  start(held); // so that the crash does fall into work that is under way
  wait_until_blocked(watcher, 1);
  for (int i = 0; i < clients; ++i)
    start(owner);
  auto deadline = soon();
  while (acknowledged < batches_before_the_crash && boot_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  private_postgres("kill", PORTCULLIS_CRASH_CLUSTER);
  std::vector<witness> witnesses;
  for (auto& one : working)
    witnesses.push_back(one.get());
  CAF_REQUIRE(acknowledged >= batches_before_the_crash);
  private_postgres("start", PORTCULLIS_CRASH_CLUSTER);

  auto conn = store->connect();
  std::size_t in_doubt = 0;
  for (const auto& seen : witnesses) {
    for (const auto& draft : seen.minted)
      CAF_CHECK(must(conn, store::get_session{draft.session_id}).session_id == draft.session_id);
    for (const auto& hash : seen.revoked)
      CAF_CHECK(status_of(conn, hash) == session_status::revoked);
    // Run again, what was in doubt is there exactly once.
    for (const auto& op : seen.in_doubt) {
      CAF_CHECK(code_of(run_one(conn, op)) == errc::none);
      CAF_CHECK(code_of(run_one(conn, op)) == errc::none);
    }
    in_doubt += seen.in_doubt.size();
  }
  CAF_CHECK(in_doubt > 0);
  auto events = number(conn, "select count(*) from revocation_events");
  CAF_CHECK_EQUAL(events, number(conn, "select count(*) from sessions where revoked_at is not null"));
}

CAF_TEST_FIXTURE_SCOPE_END()
