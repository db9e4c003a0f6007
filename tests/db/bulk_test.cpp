#include "caf/test/unit_test.hpp"

#include "db/advisory_locks.hpp"
#include "db/support.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

using namespace std::chrono_literals;

const store::revocation_cause cause{"leaked", "admin"};

std::string quoted(const uuid& id) {
  return "'" + to_string(id) + "'";
}

struct fixture : migrated_database {
  fixture() : migrated_database("bulk"), conn(connect()), other(connect()) {
    // nop
  }

  uuid accept(session_selector selects) {
    return must(conn, store::create_revocation_job{new_id(), std::move(selects), cause}).job_id;
  }

  store::work_on_revocation_jobs::result work(std::size_t page = 100, std::size_t batch = 100) {
    return must(conn, store::work_on_revocation_jobs{page, page, batch});
  }

  /// Until no job is unfinished; returns the number of transactions.
  int work_all(std::size_t page = 100, std::size_t batch = 100) {
    int transactions = 1;
    while (work(page, batch).has_more)
      ++transactions;
    return transactions;
  }

  revocation_job job(const uuid& id) {
    return must(conn, store::get_revocation_job{id});
  }

  revocation_counts count(const session_selector& selects, std::size_t page = 100) {
    revocation_counts out;
    store::count_selected ask{selects, {}, page};
    while (true) {
      auto done = must(conn, ask);
      out.sessions += done.found.sessions;
      out.accounts += done.found.accounts;
      if (!done.has_more)
        return out;
      ask.after = done.reached;
    }
  }

  std::vector<revocation_event> log() {
    const cursor start{static_cast<std::uint64_t>(number(other, "select feed_epoch()")), 0};
    return must(conn, store::read_events{start, 10'000}).events;
  }

  bool is_active(const store::minted& made) {
    return must(conn, store::get_session{made.session.session_id}).is_active;
  }

  /// A guest with that many sessions.
  std::vector<store::minted> guest(std::size_t sessions) {
    const auto account_id = new_account(conn);
    std::vector<store::minted> out;
    for (std::size_t i = 0; i < sessions; ++i)
      out.push_back(new_session(conn, account_id));
    return out;
  }

  store::minted on_device(const uuid& account_id, device with) {
    auto draft = new_draft();
    draft.device = std::move(with);
    return must(conn, store::mint_session{draft, account_id});
  }

  db::connection conn;
  db::connection other; // for looking on and for holding locks
};

uuid account_of(const std::vector<store::minted>& sessions) {
  return sessions.front().account.account_id;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(bulk_tests, fixture)

// -- what ends ---------------------------------------------------------------------------------------------

CAF_TEST(where all of an account ends there is one event) {
  auto ann = guest(3);
  auto bob = guest(2);
  auto id = accept(sessions_of_accounts{{account_of(ann)}});
  CAF_CHECK(job(id).state == job_state::pending);
  auto done = work();
  CAF_CHECK_EQUAL(done.sessions, 3u);
  CAF_CHECK(done.finished_job == id);
  CAF_CHECK(!done.has_more);
  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 1u);
  CAF_CHECK(entries[0].kind == revocation_kind::account);
  CAF_CHECK(entries[0].account_id == account_of(ann));
  CAF_CHECK_EQUAL(entries[0].generation, 1);
  CAF_CHECK_EQUAL(entries[0].reason, "leaked");
  CAF_CHECK_EQUAL(entries[0].actor, "admin");
  CAF_CHECK(!is_active(ann[0]));
  CAF_CHECK(is_active(bob[0]));
  auto told = job(id);
  CAF_CHECK(told.state == job_state::done);
  CAF_CHECK_EQUAL(told.done.sessions, 3u);
  CAF_CHECK_EQUAL(told.done.accounts, 1u);
  CAF_CHECK_EQUAL(told.total->sessions, 3u);
  CAF_CHECK_EQUAL(told.total->accounts, 1u);
  CAF_CHECK_EQUAL(told.position->seq, entries[0].seq);
  CAF_CHECK_EQUAL(told.reason, "leaked");
  CAF_CHECK(told.started_at && told.finished_at && *told.finished_at >= *told.started_at);
}

CAF_TEST(what is minted after the acceptance lives and the others of its account end one by one) {
  auto before = guest(2);
  auto id = accept(every_session{});
  auto after = new_session(conn, account_of(before));
  work_all();
  CAF_CHECK(!is_active(before[0]));
  CAF_CHECK(!is_active(before[1]));
  CAF_CHECK(is_active(after));
  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 2u);
  for (const auto& one : entries)
    CAF_CHECK(one.kind == revocation_kind::session);
  CAF_CHECK_EQUAL(job(id).done.sessions, 2u);
}

CAF_TEST(a session that is minted while its account is being ended lives) {
  auto ann = guest(2);
  accept(every_session{});
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::revocation_log_lock) + ")");
  auto watcher = connect();
  auto worked = std::async(std::launch::async, [&] { return work(); });
  wait_until_blocked(watcher, 1); // has the account's row, not committed
  auto minted = std::async(std::launch::async, [&] {
    auto mine = connect();
    return new_session(mine, account_of(ann));
  });
  wait_until_blocked(watcher, 2);
  run(other, "commit");
  CAF_CHECK_EQUAL(worked.get().sessions, 2u);
  auto late = minted.get();
  CAF_CHECK(is_active(late));
  work_all();
  CAF_CHECK(is_active(late));
}

CAF_TEST(listed sessions end and no others) {
  auto ann = guest(3);
  auto bob = guest(1);
  std::vector<uuid> ids{ann[1].session.session_id, bob[0].session.session_id, new_id()};
  std::sort(ids.begin(), ids.end());
  CAF_CHECK_EQUAL(count(listed_sessions{ids}).sessions, 2u);
  CAF_CHECK_EQUAL(count(listed_sessions{ids}).accounts, 2u);
  accept(listed_sessions{ids});
  work_all();
  CAF_CHECK(is_active(ann[0]));
  CAF_CHECK(!is_active(ann[1]));
  CAF_CHECK(is_active(ann[2]));
  CAF_CHECK(!is_active(bob[0]));
  std::map<uuid, revocation_kind> kinds;
  for (const auto& one : log())
    kinds[one.account_id] = one.kind;
  CAF_CHECK(kinds[account_of(ann)] == revocation_kind::session);
  CAF_CHECK(kinds[account_of(bob)] == revocation_kind::account); // it was all there was
}

CAF_TEST(every condition of a filter has to hold) {
  auto guest_id = new_account(conn);
  auto player_id = must(conn, store::find_or_create_account{new_claim("ann@example.org")}).account.account_id;
  auto bot = on_device(guest_id, {"", "BadBot/1.0 (x)", "192.0.2.7"});
  auto phone = on_device(guest_id, {"", "Phone/2", "2001:db8::7"});
  auto desk = on_device(player_id, {"", "Desk badbot", "198.51.100.9"});
  auto bare = on_device(player_id, {});
  const auto t = must(conn, store::get_session{phone.session.session_id}).created_at;

  auto matches = [&](session_filter f) {
    std::set<std::string> out;
    const auto id = accept(f);
    const auto counted = count(f);
    work_all();
    for (const auto& [name, made] :
         {std::pair{"bot", bot}, std::pair{"phone", phone}, std::pair{"desk", desk}, std::pair{"bare", bare}})
      if (!is_active(made))
        out.insert(name);
    CAF_CHECK_EQUAL(counted.sessions, out.size());
    CAF_CHECK_EQUAL(job(id).done.sessions, out.size());
    // All of them again.
    run(other, "update sessions s set revoked_at = null, generation = a.session_generation from accounts a"
               " where a.account_id = s.account_id");
    std::string text;
    for (const auto& name : out)
      text += name + " ";
    return text;
  };
  session_filter f;
  f.ip_in = {"192.0.2.0/24"};
  CAF_CHECK_EQUAL(matches(f), "bot ");
  f.ip_in = {"2001:db8::/32", "198.51.100.9"};
  CAF_CHECK_EQUAL(matches(f), "desk phone ");
  f.is_guest = true;
  CAF_CHECK_EQUAL(matches(f), "phone ");
  f = {};
  f.user_agent_contains = "BadBot";
  CAF_CHECK_EQUAL(matches(f), "bot ");
  f.user_agent_contains = "%";
  CAF_CHECK_EQUAL(matches(f), "");
  f = {};
  f.is_guest = false;
  CAF_CHECK_EQUAL(matches(f), "bare desk ");
  f = {};
  f.identity_kind = identity_kind::email;
  CAF_CHECK_EQUAL(matches(f), "bare desk ");
  f.identity_kind = identity_kind::telegram;
  CAF_CHECK_EQUAL(matches(f), "");
  f = {};
  f.created_before = t;
  CAF_CHECK_EQUAL(matches(f), "bot ");
  f = {};
  f.created_after = t;
  CAF_CHECK_EQUAL(matches(f), "bare desk phone ");
  f.created_before = t + 1us;
  CAF_CHECK_EQUAL(matches(f), "phone ");
}

CAF_TEST(what has expired is not active and the rest of its account ends in one event) {
  auto options = this->options();
  options.policy.guest_max_age = 1h;
  db::connection mine;
  CAF_REQUIRE(mine.open(options, soon()).code == errc::none);
  auto ann = guest(2);
  auto bob = guest(1);
  for (const auto& one : {ann[0], bob[0]})
    run(other, "update sessions set created_at = created_at - interval '2 hours' where session_id = "
                 + quoted(one.session.session_id));
  auto counted = must(mine, store::count_selected{every_session{}, {}, 100}).found;
  CAF_CHECK_EQUAL(counted.sessions, 1u);
  CAF_CHECK_EQUAL(counted.accounts, 1u);
  auto id = accept(every_session{});
  while (must(mine, store::work_on_revocation_jobs{100, 100, 100}).has_more) {
  }
  CAF_CHECK_EQUAL(job(id).done.sessions, 1u);
  CAF_CHECK_EQUAL(job(id).done.accounts, 1u);
  CAF_REQUIRE_EQUAL(log().size(), 1u);
  CAF_CHECK(log()[0].kind == revocation_kind::account);
  CAF_CHECK(log()[0].account_id == account_of(ann));
}

CAF_TEST(each ending is in the audit with whose order it was) {
  auto ann = guest(2);
  auto bob = guest(2);
  run(other, "delete from audit_events");
  std::vector<uuid> ids{ann[0].session.session_id, ann[1].session.session_id, bob[0].session.session_id};
  std::sort(ids.begin(), ids.end());
  store::create_revocation_job order{new_id(), listed_sessions{ids}, {"leaked by ann@example.org", "admin"}};
  order.origin.actor = "admin";
  order.origin.caller = "console";
  order.origin.request_id = "request-7";
  order.origin.trace_id[15] = 7;
  order.origin.address = "192.0.2.7";
  must(conn, order);
  work_all(2, 1);
  auto told = must(conn, store::list_audit{}).events;
  std::set<std::string> endings;
  for (const auto& e : told) {
    endings.insert(e.action + " " + to_string(e.session_id ? *e.session_id : *e.account_id));
    CAF_CHECK_EQUAL(e.origin.actor, "admin");
    CAF_CHECK_EQUAL(e.origin.caller, "console");
    CAF_CHECK_EQUAL(e.origin.request_id, "request-7");
    CAF_CHECK(e.origin.trace_id == order.origin.trace_id);
    CAF_CHECK_EQUAL(e.origin.address, "192.0.2.7");
    CAF_CHECK_EQUAL(e.reason, "leaked by [withheld]");
  }
  CAF_CHECK_EQUAL(told.size(), log().size()); // one for each event of the log
  CAF_CHECK_EQUAL(endings.count("session.revoked " + to_string(bob[0].session.session_id)), 1u);
  CAF_CHECK_EQUAL(endings.count("account.revoked " + to_string(account_of(ann))), 1u);
}

// -- how ---------------------------------------------------------------------------------------------------

CAF_TEST(small batches end exactly what was counted) {
  std::vector<std::vector<store::minted>> all;
  for (std::size_t i = 0; i < 12; ++i)
    all.push_back(guest(i % 4 + 1));
  must(conn, store::revoke_session{all[1][0].session.session_id, {}, cause, new_id()});
  must(conn, store::revoke_account{account_of(all[2]), {}, cause, new_id()});
  const auto mark = number(other, "select max(seq) from revocation_events");
  for (std::size_t page : {1u, 2u, 3u, 7u, 100u})
    CAF_CHECK_EQUAL(count(every_session{}, page).accounts, 11u);
  const auto counted = count(every_session{}, 4);
  auto id = accept(every_session{});
  CAF_CHECK(work_all(3, 2) > 5);
  auto told = job(id);
  CAF_CHECK_EQUAL(told.done.sessions, counted.sessions);
  CAF_CHECK_EQUAL(told.done.accounts, counted.accounts);
  CAF_CHECK_EQUAL(told.total->sessions, counted.sessions);
  CAF_CHECK_EQUAL(told.total->accounts, counted.accounts);
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions s join accounts a using (account_id)"
                                " where s.revoked_at is null and s.generation = a.session_generation"),
                  0);
  std::set<uuid> told_of;
  for (const auto& one : log())
    if (static_cast<std::int64_t>(one.seq) > mark) {
      CAF_CHECK(one.kind == revocation_kind::account);
      CAF_CHECK(told_of.insert(one.account_id).second); // one event for each
    }
  CAF_CHECK_EQUAL(told_of.size(), counted.accounts);
}

CAF_TEST(small batches of accounts that keep some) {
  auto ann = guest(5);
  auto bob = guest(5);
  std::vector<uuid> ids;
  for (std::size_t i = 0; i < 4; ++i) {
    ids.push_back(ann[i].session.session_id);
    ids.push_back(bob[i].session.session_id);
  }
  std::sort(ids.begin(), ids.end());
  auto id = accept(listed_sessions{ids});
  work_all(2, 1);
  CAF_CHECK_EQUAL(job(id).done.sessions, 8u);
  CAF_CHECK_EQUAL(job(id).done.accounts, 2u);
  CAF_CHECK_EQUAL(log().size(), 8u);
  CAF_CHECK(is_active(ann[4]));
  CAF_CHECK(is_active(bob[4]));
}

CAF_TEST(an account whose row somebody holds is left for later and holds nobody up) {
  auto ann = guest(3);
  auto bob = guest(2);
  auto id = accept(every_session{});
  run(other, "begin; select from accounts where account_id = " + quoted(account_of(ann)) + " for key share");
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(work(2, 1).has_more);
  CAF_CHECK(!is_active(bob[0]));
  CAF_CHECK(is_active(ann[0]));
  CAF_CHECK(job(id).state == job_state::running);
  bool is_held_up = false;
  for (int i = 0; i < 20 && !is_held_up; ++i)
    is_held_up = work(2, 1).is_held_up;
  CAF_CHECK(is_held_up);
  run(other, "commit");
  work_all(2, 1);
  CAF_CHECK(!is_active(ann[0]));
  CAF_CHECK(!is_active(ann[2]));
  CAF_CHECK_EQUAL(job(id).done.sessions, 5u);
  CAF_CHECK_EQUAL(job(id).done.accounts, 2u);
}

CAF_TEST(an account that is held in the middle is counted once) {
  auto ann = guest(4);
  std::vector<uuid> ids{ann[0].session.session_id, ann[1].session.session_id, ann[2].session.session_id};
  auto id = accept(listed_sessions{ids});
  work(100, 1);
  CAF_CHECK_EQUAL(job(id).done.sessions, 1u);
  run(other, "begin; select from accounts where account_id = " + quoted(account_of(ann)) + " for key share");
  work(100, 1);
  run(other, "commit");
  work_all(100, 1);
  CAF_CHECK_EQUAL(job(id).done.sessions, 3u);
  CAF_CHECK_EQUAL(job(id).done.accounts, 1u);
  CAF_CHECK(is_active(ann[3]));
}

CAF_TEST(two jobs take turns and end everything once) {
  for (int i = 0; i < 6; ++i)
    guest(2);
  auto first = accept(every_session{});
  auto second = accept(every_session{});
  work(2, 2);
  work(2, 2);
  CAF_CHECK(job(first).state == job_state::running);
  CAF_CHECK(job(second).state == job_state::running);
  work_all(2, 2);
  CAF_CHECK_EQUAL(job(first).done.sessions + job(second).done.sessions, 12u);
  CAF_CHECK_EQUAL(log().size(), 6u);
}

CAF_TEST(replicas that work at once end everything once) {
  for (int i = 0; i < 60; ++i)
    guest(2);
  auto id = accept(every_session{});
  std::vector<std::future<void>> replicas;
  for (int i = 0; i < 3; ++i)
    replicas.push_back(std::async(std::launch::async, [this] {
      auto mine = connect();
      const store::work_on_revocation_jobs op{10, 10, 4};
      for (auto done = must(mine, op); done.has_more || !done.is_leader; done = must(mine, op))
        std::this_thread::sleep_for(1ms);
    }));
  for (auto& one : replicas)
    one.get();
  CAF_CHECK_EQUAL(job(id).done.sessions, 120u);
  CAF_CHECK_EQUAL(job(id).done.accounts, 60u);
  CAF_CHECK_EQUAL(log().size(), 60u);
}

CAF_TEST(nothing is done while another replica works) {
  auto ann = guest(1);
  accept(every_session{});
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::bulk_revocation_lock) + ")");
  CAF_CHECK(!work().is_leader);
  CAF_CHECK(is_active(ann[0]));
  run(other, "commit");
  CAF_CHECK(work().is_leader);
  CAF_CHECK(!is_active(ann[0]));
}

CAF_TEST(a job that is accepted twice under its id is one and an unknown id is none) {
  const store::create_revocation_job op{new_id(), every_session{}, cause};
  const auto first = must(conn, op);
  CAF_CHECK(must(conn, op).accepted_at == first.accepted_at);
  CAF_CHECK_EQUAL(number(other, "select count(*) from revocation_jobs"), 1);
  CAF_CHECK_EQUAL(to_string(code_of(run_one(conn, store::get_revocation_job{new_id()}))), "job_not_found");
  CAF_CHECK(!work().has_more);
}

CAF_TEST(jobs are bounded and old ones go) {
  run(other,
      "insert into revocation_jobs (job_id, selects, reason, actor, reached, count_reached)"
      " select gen_random_uuid(), row('all', null, null, null, null, null, null, null)::session_selector, '',"
      " '', p, p from generate_series(1, 100), (select row(gen_random_uuid(), 0,"
      " gen_random_uuid())::session_place) q(p)");
  CAF_CHECK_EQUAL(
    to_string(code_of(run_one(conn, store::create_revocation_job{new_id(), every_session{}, cause}))),
    "overloaded");
  run(other, "update revocation_jobs set finished_at = now() - interval '31 days'");
  accept(every_session{});
  CAF_CHECK_EQUAL(number(other, "select count(*) from revocation_jobs"), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
