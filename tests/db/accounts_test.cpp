#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <set>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

struct fixture : migrated_database {
  fixture() : migrated_database("accounts"), conn(connect()), other(connect()) {
    // nop
  }

  std::int64_t accounts() {
    return number(other, "select count(*) from accounts");
  }

  db::connection conn;
  db::connection other; // for looking on
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(account_tests, fixture)

CAF_TEST(an identity is created once and found ever after) {
  auto claim = new_claim("ann@example.org", "Ann");
  auto first = must(conn, store::find_or_create_account{claim});
  CAF_CHECK(first.created);
  CAF_CHECK(first.account.account_id == claim.account_id);
  CAF_CHECK(!first.account.is_guest);
  CAF_CHECK(first.account.display_name == "Ann");
  CAF_REQUIRE_EQUAL(first.account.identities.size(), 1u);
  CAF_CHECK(first.account.identities[0].key == claim.key);
  CAF_CHECK(first.account.created_at > wall_clock_now() - patience);

  auto again = must(conn, store::find_or_create_account{new_claim("ann@example.org", "Somebody Else")});
  CAF_CHECK(!again.created);
  CAF_CHECK(again.account == first.account);
  CAF_CHECK(must(conn, store::find_account{claim.key}) == first.account);
  CAF_CHECK(must(conn, store::get_account{claim.account_id}) == first.account);
  CAF_CHECK_EQUAL(accounts(), 1);
}

CAF_TEST(a find or create whose outcome was lost says created when it is run again) {
  store::find_or_create_account op{new_claim("ann@example.org")};
  CAF_CHECK(must(conn, op).created);
  CAF_CHECK(must(conn, op).created);
  CAF_CHECK_EQUAL(accounts(), 1);
}

CAF_TEST(an identity of another kind is another identity) {
  auto email = new_claim("42");
  auto telegram = new_claim("42");
  telegram.key.kind = identity_kind::telegram;
  auto a = must(conn, store::find_or_create_account{email});
  auto b = must(conn, store::find_or_create_account{telegram});
  CAF_CHECK(a.account.account_id != b.account.account_id);
  CAF_CHECK(b.account.identities.at(0).key.kind == identity_kind::telegram);
}

CAF_TEST(what does not exist is not found) {
  CAF_CHECK(code_of(run_one(conn, store::get_account{new_id()})) == errc::account_not_found);
  CAF_CHECK(code_of(run_one(conn, store::find_account{{identity_kind::email, "nobody"}}))
            == errc::account_not_found);
}

CAF_TEST(a guest has no identity and no name) {
  store::create_guest op{new_id()};
  auto guest = must(conn, op);
  CAF_CHECK(guest.account_id == op.account_id);
  CAF_CHECK(guest.is_guest);
  CAF_CHECK(!guest.display_name);
  CAF_CHECK(guest.identities.empty());
  CAF_CHECK(must(conn, op) == guest); // after a lost outcome
  CAF_CHECK(must(conn, store::get_account{op.account_id}) == guest);
  CAF_CHECK_EQUAL(accounts(), 1);
}

CAF_TEST(several identities come oldest first) {
  auto claim = new_claim("b@example.org");
  must(conn, store::find_or_create_account{claim});
  db::parameters p;
  p.add(new_id()).add(claim.account_id);
  auto done = db::ask(other,
                      "insert into identities (identity_id, account_id, kind, external_id, created_at)"
                      " values ($1::uuid, $2::uuid, 'telegram', '7', now() - interval '1 day')",
                      p, soon());
  CAF_REQUIRE(done.ok());
  auto found = must(conn, store::find_account{claim.key});
  CAF_REQUIRE_EQUAL(found.identities.size(), 2u);
  CAF_CHECK(found.identities[0].key.external_id == "7");
  CAF_CHECK(found.identities[1].key == claim.key);
}

CAF_TEST(one batch may claim an identity many times) {
  std::vector<store::operation> batch;
  for (int i = 0; i < 20; ++i)
    batch.push_back(store::find_or_create_account{new_claim(i % 2 == 0 ? "even" : "odd")});
  auto report = db::execute(conn, batch, soon());
  std::set<uuid> seen;
  int created = 0;
  for (const auto& one : report.outcomes) {
    const auto& found = std::get<store::find_or_create_account::result>(one);
    seen.insert(found.account.account_id);
    created += found.created ? 1 : 0;
  }
  CAF_CHECK_EQUAL(seen.size(), 2u);
  CAF_CHECK_EQUAL(created, 2);
  CAF_CHECK_EQUAL(accounts(), 2);
}

CAF_TEST(of 64 racing claims of one identity one makes an account and none an orphan) {
  constexpr int threads = 8;
  constexpr int claims_per_thread = 8;
  std::promise<void> start;
  std::shared_future<void> started = start.get_future().share();
  std::vector<std::future<std::vector<store::find_or_create_account::result>>> racers;
  for (int t = 0; t < threads; ++t) {
    racers.push_back(std::async(std::launch::async, [this, started] {
      auto mine = connect();
      started.wait();
      std::vector<store::find_or_create_account::result> results;
      for (int i = 0; i < claims_per_thread; ++i)
        results.push_back(must(mine, store::find_or_create_account{new_claim("raced@example.org")}));
      return results;
    }));
  }
  start.set_value();
  std::set<uuid> seen;
  int created = 0;
  for (auto& racer : racers) {
    for (const auto& one : racer.get()) {
      seen.insert(one.account.account_id);
      created += one.created ? 1 : 0;
    }
  }
  CAF_CHECK_EQUAL(seen.size(), 1u);
  CAF_CHECK_EQUAL(created, 1);
  CAF_CHECK_EQUAL(accounts(), 1);
}

CAF_TEST(the loser of a race waits for the winner and finds its account) {
  auto winner = new_claim("raced@example.org");
  db::parameters identity;
  identity.add(winner.identity_id).add(winner.account_id);
  run(other, "begin");
  CAF_REQUIRE(db::ask(other,
                      "with a as (insert into accounts (account_id, is_guest) values ($2::uuid, false))"
                      " insert into identities (identity_id, account_id, kind, external_id)"
                      " values ($1::uuid, $2::uuid, 'email', 'raced@example.org')",
                      identity, soon())
                .ok());
  auto loser = std::async(std::launch::async, [this] {
    return must(conn, store::find_or_create_account{new_claim("raced@example.org")});
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(other, "commit");
  auto found = loser.get();
  CAF_CHECK(!found.created);
  CAF_CHECK(found.account.account_id == winner.account_id);
  CAF_CHECK_EQUAL(accounts(), 1);
}

CAF_TEST(a claim outlives the deletion that it waited for) {
  auto old = new_claim("ann@example.org");
  must(conn, store::find_or_create_account{old});
  run(other, "begin; delete from accounts");
  auto claim = new_claim("ann@example.org");
  auto claimant =
    std::async(std::launch::async, [this, claim] { return must(conn, store::find_or_create_account{claim}); });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(other, "commit");
  auto found = claimant.get();
  CAF_CHECK(found.created);
  CAF_CHECK(found.account.account_id == claim.account_id);
}

CAF_TEST_FIXTURE_SCOPE_END()
