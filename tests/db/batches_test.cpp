#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

const store::revocation_cause cause{"", "user"};

struct fixture : migrated_database {
  fixture() : migrated_database("batches"), conn(connect()), other(connect()) {
    // nop
  }

  void lock_account(const uuid& account_id) {
    db::parameters p;
    p.add(account_id);
    if (!db::ask(other, "select 1 from accounts where account_id = $1::uuid for update", p, soon()).ok())
      throw std::runtime_error("cannot lock the account");
  }

  db::connection conn;
  db::connection other; // for what others do
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(batch_tests, fixture)

CAF_TEST(one batch mixes all kinds and keeps their order) {
  auto owner = new_account(conn);
  auto known = new_draft();
  must(conn, store::mint_session{known, owner});
  auto doomed = new_account(conn);
  auto epoch = static_cast<std::uint64_t>(number(other, "select feed_epoch()"));
  auto claim = new_claim("ann@example.org");
  auto report = db::execute(conn,
                            {
                              store::delete_account{doomed, cause, new_id()},
                              store::find_session{known.hash},
                              store::mint_session{new_draft(), owner},
                              store::get_session{known.session_id},
                              store::list_sessions{owner, {}, 10},
                              store::ping{},
                              store::get_account{owner},
                              store::find_account{{identity_kind::email, "nobody"}},
                              store::read_events{{epoch, 0}, 10},
                              store::mint_for_identity{new_draft(), claim},
                              store::mint_guest{new_draft(), new_id()},
                              store::find_or_create_account{new_claim("bob@example.org")},
                              store::create_guest{new_id()},
                              store::revoke_session{known.session_id, {}, cause, new_id()},
                              store::revoke_account{owner, {}, cause, new_id()},
                              store::find_session{new_hash()},
                            },
                            soon());
  CAF_CHECK(report.lost.empty());
  CAF_CHECK_EQUAL(report.error, "");
  const auto& out = report.outcomes;
  CAF_REQUIRE_EQUAL(out.size(), 16u);
  CAF_CHECK(std::holds_alternative<store::delete_account::result>(out[0]));
  CAF_CHECK(std::get<store::find_session::result>(out[1]).status == session_status::active);
  CAF_CHECK(std::get<store::minted>(out[2]).account.account_id == owner);
  CAF_CHECK(std::get<session>(out[3]).session_id == known.session_id);
  CAF_CHECK_EQUAL(std::get<store::list_sessions::result>(out[4]).sessions.size(), 1u);
  CAF_CHECK(std::get<store::ping::result>(out[5]).ok);
  CAF_CHECK(std::get<account>(out[6]).account_id == owner);
  CAF_CHECK(code_of(out[7]) == errc::account_not_found);
  CAF_CHECK(!std::get<store::read_events::result>(out[8]).reset);
  CAF_CHECK(std::get<store::minted>(out[9]).account.account_id == claim.account_id);
  CAF_CHECK(std::get<store::minted>(out[10]).account.is_guest);
  CAF_CHECK(std::get<store::find_or_create_account::result>(out[11]).created);
  CAF_CHECK(std::get<account>(out[12]).is_guest);
  CAF_CHECK(std::get<store::revoke_session::result>(out[13]).revoked);
  CAF_CHECK_EQUAL(std::get<store::revoke_account::result>(out[14]).revoked, 1u); // the one minted in this batch
  CAF_CHECK(std::get<store::find_session::result>(out[15]).status == session_status::unknown);
}

CAF_TEST(an empty batch is done at once) {
  auto report = db::execute(conn, {}, soon());
  CAF_CHECK(report.outcomes.empty());
  CAF_CHECK(!report.connection_lost);
}

CAF_TEST(a bad operation fails alone) {
  auto owner = new_account(conn);
  auto bad_address = new_draft();
  bad_address.device.ip = "not an address";
  auto bad_text = new_draft();
  bad_text.device.label = std::string{"nul\0inside", 10};
  auto bad_utf8 = new_draft();
  bad_utf8.device.user_agent = "\xff";
  std::vector<store::operation> batch;
  for (const auto& draft : {new_draft(), bad_address, new_draft(), bad_text, bad_utf8, new_draft()})
    batch.push_back(store::mint_session{draft, owner});
  batch.push_back(store::create_guest{new_id()}); // another kind, untouched
  auto report = db::execute(conn, batch, soon());
  errc expected[] = {errc::none,
                     errc::value_unacceptable,
                     errc::none,
                     errc::value_unacceptable,
                     errc::value_unacceptable,
                     errc::none,
                     errc::none};
  for (std::size_t i = 0; i < batch.size(); ++i)
    CAF_CHECK(code_of(report.outcomes[i]) == expected[i]);
  CAF_CHECK(!report.connection_lost);
  CAF_CHECK(report.lost.empty());
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions"), 3);
  // What failed is told for the log without any value.
  CAF_CHECK(report.error.find("mint_session") != std::string::npos);
  CAF_CHECK(report.error.find("address") == std::string::npos);
  CAF_CHECK(std::get<failure>(report.outcomes[1]).detail.find("address") == std::string::npos);
}

CAF_TEST(a batch larger than a transaction may be is run in several) {
  std::vector<store::operation> batch;
  for (int i = 0; i < 600; ++i)
    batch.push_back(store::mint_guest{new_draft(std::to_string(i)), new_id()});
  auto report = db::execute(conn, batch, soon());
  for (std::size_t i = 0; i < batch.size(); ++i)
    CAF_CHECK_EQUAL(std::get<store::minted>(report.outcomes[i]).session.device.label, std::to_string(i));
  CAF_CHECK_EQUAL(number(other, "select count(distinct xmin::text) from sessions"), 3);
}

CAF_TEST(a batch larger than the buffers of a socket passes) {
  auto owner = new_account(conn);
  std::vector<store::operation> batch;
  for (int i = 0; i < 100; ++i) {
    auto draft = new_draft();
    draft.device.user_agent = std::string(200'000, 'x');
    batch.push_back(store::mint_session{draft, owner});
  }
  auto report = db::execute(conn, batch, soon());
  for (const auto& one : report.outcomes)
    CAF_CHECK_EQUAL(std::get<store::minted>(one).session.device.user_agent.size(), 200'000u);
}

CAF_TEST(a blocked operation fails in time and its batch does not ) {
  auto blocked = new_account(conn);
  auto hasty = connect(std::chrono::milliseconds{600});
  run(other, "begin");
  lock_account(blocked);
  auto report = db::execute(
    hasty,
    {store::mint_session{new_draft(), blocked}, store::mint_guest{new_draft(), new_id()}, store::find_session{new_hash()}},
    soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::database_unavailable);
  CAF_CHECK(code_of(report.outcomes[1]) == errc::none);
  CAF_CHECK(code_of(report.outcomes[2]) == errc::none);
  CAF_CHECK(report.lost.empty()); // it was rolled back: that is known
  CAF_CHECK(!report.connection_lost);
  CAF_CHECK(report.error.find("55P03") != std::string::npos);
}

CAF_TEST(what is not answered by the deadline is lost with the connection) {
  auto blocked = new_account(conn);
  run(other, "begin");
  lock_account(blocked);
  auto began = boot_clock::now();
  auto report = db::execute(conn, {store::find_session{new_hash()}, store::mint_session{new_draft(), blocked}},
                            began + std::chrono::milliseconds{300});
  CAF_CHECK(boot_clock::now() - began < patience);
  CAF_CHECK(report.connection_lost);
  CAF_CHECK(!conn.is_open());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::none); // its transaction had ended
  CAF_CHECK(code_of(report.outcomes[1]) == errc::database_unavailable);
  CAF_CHECK(report.lost == std::vector<std::size_t>{1});
}

CAF_TEST(a connection that is cut loses the open outcomes and they can be run again) {
  auto blocked = new_account(conn);
  store::mint_session mint{new_draft(), blocked};
  run(other, "begin");
  lock_account(blocked);
  auto cut = std::async(std::launch::async, [&] { return db::execute(conn, {mint}, soon()); });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  run(watcher, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
               " and wait_event_type = 'Lock'");
  auto report = cut.get();
  CAF_CHECK(report.connection_lost);
  CAF_CHECK(!conn.is_open());
  CAF_CHECK(report.lost == std::vector<std::size_t>{0});
  CAF_CHECK(code_of(report.outcomes[0]) == errc::database_unavailable);
  run(other, "commit");
  auto second = connect();
  CAF_CHECK(must(second, mint).session.session_id == mint.draft.session_id);
  CAF_CHECK_EQUAL(number(watcher, "select count(*) from sessions"), 1);
}

CAF_TEST(the victim of a deadlock is run again) {
  run(other, "do $$ begin execute format('alter database %I set deadlock_timeout = ''2s''', current_database());"
             " end $$");
  auto victim = connect();
  auto low = new_account(conn);
  auto high = new_account(conn);
  run(other, "set deadlock_timeout = '1h'; begin");
  lock_account(high);
  auto revocations = std::async(std::launch::async, [&] {
    return db::execute(
      victim, {store::revoke_account{low, {}, cause, new_id()}, store::revoke_account{high, {}, cause, new_id()}},
      soon());
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  lock_account(low); // against the order of ids; comes through when the other side has given way
  run(other, "commit");
  auto report = revocations.get();
  CAF_CHECK(report.error.find("40P01") != std::string::npos);
  for (const auto& one : report.outcomes)
    CAF_CHECK_EQUAL(std::get<store::revoke_account::result>(one).generation, 1);
}

CAF_TEST(a schema that is not there is an internal error and not a crash) {
  database empty{"batches"};
  auto bare = empty.connect();
  auto report = db::execute(bare, {store::find_session{new_hash()}, store::ping{}}, soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::internal);
  CAF_CHECK(report.error.find("42P01") != std::string::npos);
  CAF_CHECK(!report.connection_lost);
  // A statement that could be prepared only behind the one that could not is prepared now.
  CAF_CHECK(code_of(run_one(bare, store::ping{})) == errc::none);
}

CAF_TEST_FIXTURE_SCOPE_END()
