#include "caf/test/unit_test.hpp"

#include "db/support.hpp"

#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

/// What the sweep removes of sessions that have ended, one by one or with all of their account's.
namespace {

using namespace std::chrono_literals;

const store::revocation_cause cause{"lost phone", "user"};

std::string quoted(const uuid& id) {
  return "'" + to_string(id) + "'";
}

struct fixture : migrated_database {
  fixture() : migrated_database("ended"), conn(connect()), other(connect()), cut_off(wall_clock_now() - 1h) {
    // nop
  }

  std::int64_t count(const std::string& table) {
    return number(other, "select count(*) from " + table);
  }

  /// Ends five sessions in five ways; their ids ascend.
  std::vector<uuid> five_ends() {
    std::vector<uuid> out;
    for (int i = 0; i < 5; ++i)
      out.push_back(new_session(conn, new_account(conn)).session.session_id);
    auto of_account = [&](std::size_t i, const std::string& word = " where ") {
      return word + "account_id = (select account_id from sessions where session_id = " + quoted(out[i]) + ")";
    };
    run(other, "update sessions set revoked_at = now() - interval '2 hours' where session_id = " + quoted(out[0]));
    run(other,
        "update sessions set revoked_at = now() - interval '2 minutes' where session_id = " + quoted(out[1]));
    run(other, "update accounts set session_generation = 1" + of_account(2) + of_account(3, " or "));
    run(other, "update ended_generations set ended_at = now() - interval '2 hours'" + of_account(2));
    run(other, "update accounts set updated_at = now() - interval '2 hours'" + of_account(4)); // alive
    return out;
  }

  db::connection conn;
  db::connection other; // for looking on and for holding locks
  timestamp cut_off;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ended_sessions_tests, fixture)

CAF_TEST(sessions that ended long ago go and the others stay) {
  auto ids = five_ends();
  auto singly = must(conn, store::delete_dead_sessions{cut_off, {}, 1000});
  CAF_CHECK(singly.is_leader);
  CAF_CHECK_EQUAL(singly.rows, 1u);
  CAF_CHECK(!singly.has_more);
  auto together = must(conn, store::delete_dead_generations{cut_off, {}, 1000});
  CAF_CHECK(together.is_leader);
  CAF_CHECK_EQUAL(together.rows, 1u);
  CAF_CHECK(!together.has_more);
  bool is_gone[] = {true, false, true, false, false};
  for (std::size_t i = 0; i < ids.size(); ++i)
    CAF_CHECK_EQUAL(code_of(run_one(conn, store::get_session{ids[i]})) == errc::session_not_found, is_gone[i]);
  CAF_CHECK_EQUAL(count("accounts"), 5);
  CAF_CHECK_EQUAL(count("ended_generations"), 1);
  CAF_CHECK_EQUAL(count("revocation_events"), 0); // they had ended before
}

CAF_TEST(sessions that ended one by one go a bounded number at a time in the order of their ends) {
  auto owner = new_account(conn);
  for (int i = 0; i < 5; ++i)
    new_session(conn, owner);
  run(other, "update sessions set revoked_at = now() - interval '2 hours'"); // all at once: their ids decide
  store::delete_dead_sessions op{cut_off, {}, 2};
  std::size_t deleted[] = {2, 2, 1};
  for (std::size_t batch = 0; batch < 3; ++batch) {
    auto done = must(conn, op);
    CAF_CHECK_EQUAL(done.rows, deleted[batch]);
    CAF_CHECK_EQUAL(done.has_more, batch < 2);
    op.after = done.reached;
  }
  CAF_CHECK_EQUAL(count("sessions"), 0);
  CAF_CHECK_EQUAL(count("ended_sessions"), 0);
}

CAF_TEST(ending a session is a heap only update) {
  auto owner = new_account(conn);
  for (int i = 0; i < 200; ++i)
    new_session(conn, owner);
  report_statistics(conn);
  auto revoked = must(conn, store::list_sessions{owner, {}, 200}).sessions;
  for (std::size_t i = 0; i < revoked.size(); i += 40) // a few of each page
    must(conn, store::revoke_session{revoked[i].session_id, {}, cause, new_id()});
  report_statistics(conn);
  CAF_CHECK_EQUAL(number(other, "select n_tup_hot_upd from pg_stat_user_tables where relname = 'sessions'"), 5);
}

CAF_TEST(an account with more dead sessions than a batch has is swept in several) {
  auto owner = new_account(conn);
  for (int i = 0; i < 5; ++i)
    new_session(conn, owner);
  must(conn, store::revoke_account{owner, {}, cause, new_id()});
  auto alive = new_session(conn, owner);
  run(other, "update ended_generations set ended_at = now() - interval '2 hours'");
  store::delete_dead_generations op{cut_off, {}, 2};
  std::size_t deleted[] = {2, 2, 1};
  for (std::size_t batch = 0; batch < 3; ++batch) {
    auto done = must(conn, op);
    CAF_CHECK_EQUAL(done.rows, deleted[batch]);
    CAF_CHECK_EQUAL(done.has_more, batch < 2);
    op.after = done.reached;
  }
  CAF_CHECK_EQUAL(count("ended_generations"), 0);
  CAF_CHECK(must(conn, store::get_session{alive.session.session_id}).is_active);
}

CAF_TEST(what happens to the account later does not postpone the end of its dead sessions) {
  auto owner = new_account(conn);
  auto first = new_session(conn, owner);
  must(conn, store::revoke_account{owner, {}, cause, new_id()});
  run(other, "update ended_generations set ended_at = now() - interval '2 hours'");
  auto second = new_session(conn, owner);
  must(conn, store::revoke_account{owner, {}, cause, new_id()});
  must(conn, store::set_display_name{owner, "Ada", new_id()});
  auto ended = must(conn, store::get_session{first.session.session_id}).revoked_at;
  CAF_REQUIRE(ended);
  CAF_CHECK(*ended < cut_off);
  CAF_CHECK_EQUAL(must(conn, store::delete_dead_generations{cut_off, {}, 1000}).rows, 1u);
  CAF_CHECK(code_of(run_one(conn, store::get_session{first.session.session_id})) == errc::session_not_found);
  CAF_CHECK(
    !must(conn, store::get_session{second.session.session_id}).is_active); // there, and not for long enough
}

CAF_TEST(a dead session whose row somebody holds is left for the next sweep) {
  auto ids = five_ends();
  run(other, "begin; select from sessions where session_id in (" + quoted(ids[0]) + ", " + quoted(ids[2])
               + ") for key share");
  CAF_CHECK_EQUAL(must(conn, store::delete_dead_sessions{cut_off, {}, 1000}).rows, 0u);
  auto held = must(conn, store::delete_dead_generations{cut_off, {}, 1});
  CAF_CHECK_EQUAL(held.rows, 0u);
  CAF_CHECK(held.has_more);
  CAF_CHECK(!held.reached.id.is_nil()); // it goes on behind what it could not get
  run(other, "commit");
  CAF_CHECK_EQUAL(must(conn, store::delete_dead_sessions{cut_off, {}, 1000}).rows, 1u);
  CAF_CHECK_EQUAL(must(conn, store::delete_dead_generations{cut_off, {}, 1000}).rows, 1u);
}

// The ids begin with the time of the service that made them, which is nothing to go by.
CAF_TEST(a dead session goes whatever time its id tells) {
  auto made = new_session(conn, new_account(conn));
  const std::string late_id = "'ffffffff-0000-7000-8000-000000000001'";
  run(other, "update sessions set session_id = " + late_id + ", revoked_at = now() - interval '2 hours'");
  CAF_CHECK_EQUAL(must(conn, store::delete_dead_sessions{cut_off, {}, 1000}).rows, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
