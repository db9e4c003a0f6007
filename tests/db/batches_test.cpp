#include "caf/test/unit_test.hpp"

#include "db/statements.hpp"
#include "db/support.hpp"

#include <algorithm>
#include <future>
#include <string>
#include <thread>
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
    lock_account(account_id, other);
  }

  static void lock_account(const uuid& account_id, db::connection& by) {
    db::parameters p;
    p.add(account_id);
    if (!db::ask(by, "select 1 from accounts where account_id = $1::uuid for update", p, soon()).ok())
      throw std::runtime_error("cannot lock the account");
  }

  /// As the pool connects: what is locked is waited for for a moment only.
  db::connection impatient() const {
    auto how = options();
    how.lock_timeout = std::chrono::milliseconds{50};
    db::connection out;
    if (out.open(how, soon()).code != errc::none)
      throw std::runtime_error("cannot connect");
    return out;
  }

  std::vector<uuid> new_accounts(std::size_t count) {
    std::vector<uuid> out;
    while (out.size() < count)
      out.push_back(new_account(conn));
    return out;
  }

  db::connection conn;
  db::connection other; // for what others do
};

std::vector<store::operation> mints_for(const std::vector<uuid>& owners) {
  std::vector<store::operation> out;
  for (const auto& owner : owners)
    out.push_back(store::mint_session{new_draft(), owner});
  return out;
}

using indexes = std::vector<std::size_t>;

indexes sorted(indexes from) {
  std::sort(from.begin(), from.end());
  return from;
}

/// Where the lock of the log is taken among the statements of a transaction; behind the last when nowhere.
template <class Op>
std::size_t statements_after_log_lock(const Op& op) {
  auto calls = db::build_statements(db::group<Op>{&op});
  auto takes = [](const db::call& one) { return one.what->takes_log_lock; };
  auto first = std::find_if(calls.begin(), calls.end(), takes);
  CAF_REQUIRE(first != calls.end());
  return static_cast<std::size_t>(calls.end() - first) - 1;
}

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
  auto hasty = impatient();
  run(other, "begin");
  lock_account(blocked);
  auto report = db::execute(hasty,
                            {store::mint_session{new_draft(), blocked}, store::mint_guest{new_draft(), new_id()},
                             store::find_session{new_hash()}},
                            soon());
  CAF_CHECK(code_of(report.outcomes[0]) == errc::database_unavailable);
  CAF_CHECK(code_of(report.outcomes[1]) == errc::none);
  CAF_CHECK(code_of(report.outcomes[2]) == errc::none);
  CAF_CHECK(report.lost.empty()); // it was rolled back: that is known
  CAF_CHECK(!report.connection_lost);
  CAF_CHECK(report.error.find("55P03") != std::string::npos);
}

CAF_TEST(of one kind only those that are blocked are not done) {
  auto owners = new_accounts(64);
  auto hasty = impatient();
  auto batch = mints_for(owners);
  batch.push_back(store::mint_session{new_draft(), owners[20]}); // behind the same lock as another
  run(other, "begin");
  lock_account(owners[20]);
  lock_account(owners[63]);
  auto report = db::execute(hasty, batch, soon());
  CAF_CHECK(sorted(report.blocked) == (indexes{20, 63, 64}));
  CAF_CHECK(report.lost.empty());
  CAF_CHECK(!report.connection_lost);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    bool is_blocked = i == 20 || i >= 63;
    CAF_CHECK(code_of(report.outcomes[i]) == (is_blocked ? errc::database_unavailable : errc::none));
  }
  run(other, "rollback");
  db::execute_options apart;
  apart.by_contention = true;
  auto again = db::execute(hasty, {batch[20], batch[63], batch[64]}, soon(), apart);
  for (const auto& one : again.outcomes)
    CAF_CHECK(code_of(one) == errc::none);
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions"), 65);
}

CAF_TEST(each is told when its own transaction is done and not when the batch is) {
  auto owners = new_accounts(2);
  auto hasty = impatient();
  std::vector<store::operation> batch{store::find_session{new_hash()}, store::create_guest{new_id()},
                                      store::mint_session{new_draft(), owners[0]},
                                      store::set_display_name{owners[1], "Ann", new_id()}};
  run(other, "begin");
  lock_account(owners[1]);
  indexes told;
  db::execute_options how;
  how.on_settled = [&](std::vector<db::settled>&& news) {
    for (auto& one : news) {
      CAF_CHECK(code_of(one.value) == errc::none);
      told.push_back(one.index);
    }
  };
  auto report = db::execute(hasty, batch, soon(), how);
  CAF_CHECK(sorted(told) == (indexes{0, 1, 2}));
  CAF_CHECK(report.blocked == indexes{3});
}

CAF_TEST(nobody waits with the lock of the log for what comes after) {
  store::revocation_cause why{"lost", "user"};
  CAF_CHECK_EQUAL(statements_after_log_lock(store::revoke_session{new_id(), {}, why, new_id()}), 0u);
  CAF_CHECK_EQUAL(statements_after_log_lock(store::revoke_account{new_id(), {}, why, new_id()}), 0u);
  CAF_CHECK_EQUAL(statements_after_log_lock(store::delete_account{new_id(), why, new_id()}), 0u);
  CAF_CHECK_EQUAL(statements_after_log_lock(store::reap_guests{}), 0u);
}

CAF_TEST(the lock of the log is waited for longer than a row) {
  auto made = new_session(conn, new_account(conn));
  auto hasty = impatient();
  run(other, "begin; select pg_advisory_xact_lock(7306084001)");
  auto revoking = std::async(std::launch::async, [&] {
    return db::execute(hasty, {store::revoke_session{made.session.session_id, {}, cause, new_id()}}, soon());
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds{200}); // four times what a row is worth
  run(other, "rollback");
  CAF_CHECK(code_of(revoking.get().outcomes[0]) == errc::none);
}

CAF_TEST(one session that is ended twice in a batch is ended once and both are told where) {
  auto made = new_session(conn, new_account(conn));
  std::vector<store::operation> batch{store::revoke_session{made.session.session_id, {}, cause, new_id()},
                                      store::revoke_session{made.session.session_id, {}, cause, new_id()}};
  auto report = db::execute(conn, batch, soon());
  const auto& first = std::get<store::revoke_session::result>(report.outcomes[0]);
  const auto& second = std::get<store::revoke_session::result>(report.outcomes[1]);
  CAF_CHECK(first.revoked);
  CAF_CHECK(!second.revoked);
  CAF_CHECK(second.position == first.position);
}

CAF_TEST(many revocations with long reasons go out in several transactions) {
  auto owners = new_accounts(1);
  std::vector<store::operation> batch;
  for (int i = 0; i < 100; ++i)
    batch.push_back(store::revoke_session{
      new_session(conn, owners[0]).session.session_id, {}, {std::string(200, 'x'), "user"}, new_id()});
  auto report = db::execute(conn, batch, soon());
  for (const auto& one : report.outcomes)
    CAF_CHECK(std::get<store::revoke_session::result>(one).revoked);
  CAF_CHECK(number(other, "select count(distinct xmin::text) from revocation_events") > 3);
}

CAF_TEST(what is not answered by the deadline is lost with the connection) {
  auto blocked = new_account(conn);
  run(other, "begin");
  lock_account(blocked);
  db::batch_report report;
  const bool is_in_time = with_growing_time([&](instant deadline) {
    conn = connect();
    report =
      db::execute(conn, {store::find_session{new_hash()}, store::mint_session{new_draft(), blocked}}, deadline);
    CAF_CHECK(report.connection_lost);
    CAF_CHECK(!conn.is_open());
    CAF_CHECK(code_of(report.outcomes[1]) == errc::database_unavailable);
    return code_of(report.outcomes[0]) == errc::none; // its transaction had ended
  });
  CAF_CHECK(is_in_time);
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
  auto victim = connect();
  auto gate = connect(); // holds the victim up until the other side waits for it
  auto low = new_account(conn);
  auto middle = new_account(conn);
  auto high = new_account(conn);
  run(gate, "begin");
  lock_account(middle, gate);
  run(other, "set deadlock_timeout = '1h'; begin");
  lock_account(high);
  auto revocations = std::async(std::launch::async, [&] {
    return db::execute(victim,
                       {store::revoke_account{low, {}, cause, new_id()},
                        store::revoke_account{middle, {}, cause, new_id()},
                        store::revoke_account{high, {}, cause, new_id()}},
                       soon());
  });
  auto watcher = connect();
  wait_until_blocked(watcher, 1);
  auto crossing = std::async(std::launch::async, [&] {
    lock_account(low); // against the order of ids; comes through when the victim has given way
    run(other, "commit");
  });
  wait_until_blocked(watcher, 2);
  run(gate, "commit");
  crossing.get();
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
  CAF_REQUIRE(!report.refusals.empty()); // the cause of a 500, for the log
  CAF_CHECK_EQUAL(report.refusals[0].statement, "find_session");
  CAF_CHECK_EQUAL(report.refusals[0].sqlstate, "42P01");
  CAF_CHECK(report.refusals[0].code == errc::internal);
  CAF_CHECK(!report.connection_lost);
  // A statement that could be prepared only behind the one that could not is prepared now.
  CAF_CHECK(code_of(run_one(bare, store::ping{})) == errc::none);
}

CAF_TEST_FIXTURE_SCOPE_END()
