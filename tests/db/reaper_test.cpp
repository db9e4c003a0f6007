#include "caf/test/unit_test.hpp"

#include "db/advisory_locks.hpp"
#include "db/support.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

using namespace std::chrono_literals;

const store::revocation_cause cause{"guest abandoned", "reaper"};

/// What a racer was answered: about each guest, whether the operation found it.
using answers = std::vector<std::pair<uuid, bool>>;
enum class errand { link, seat, mint };
using seed_type = std::mt19937::result_type;

std::string quoted(const uuid& id) {
  return "'" + to_string(id) + "'";
}

struct fixture : migrated_database {
  fixture() : migrated_database("reaper"), conn(connect()), other(connect()), cut_off(wall_clock_now() - 1h) {
    // nop
  }

  /// Makes every account that is there, or the one with this id, older than the cut-off.
  void make_old(const std::optional<uuid>& account_id = {}) {
    run(other, "update accounts set created_at = now() - interval '2 hours'"
                 + (account_id ? " where account_id = '" + to_string(*account_id) + "'" : std::string{}));
  }

  std::vector<uuid> old_guests(std::size_t count) {
    std::vector<uuid> out;
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(new_account(conn));
    make_old();
    return out;
  }

  store::reap_guests sweep(std::size_t limit = 1000) const {
    return {cut_off, {}, limit, false, cause};
  }

  bool exists(const uuid& account_id) {
    return code_of(run_one(conn, store::get_account{account_id})) == errc::none;
  }

  cursor log_start() {
    return {static_cast<std::uint64_t>(number(other, "select feed_epoch()")), 0};
  }

  std::vector<revocation_event> log() {
    return must(conn, store::read_events{log_start(), 10'000}).events;
  }

  std::int64_t count(const std::string& table) {
    return number(other, "select count(*) from " + table);
  }

  answers race(const std::vector<uuid>& guests, seed_type seed, errand what);
  void sweep_until(const std::shared_future<void>& over, seed_type seed);

  db::connection conn;
  db::connection other; // for looking on and for holding locks
  timestamp cut_off;
};

store::link_identity linking(const uuid& account_id, std::string external_id) {
  identity_key key{identity_kind::email, std::move(external_id)};
  return {account_id, std::move(key), new_id(), {}, {"", "user"}};
}

store::operation next_operation(errand what, const uuid& guest, seed_type seed) {
  switch (what) {
  case errand::link:
    return linking(guest, to_string(guest) + "/" + std::to_string(seed));
  case errand::seat:
    return store::seat_player{new_id(), guest, 1, new_id()};
  case errand::mint:
    break;
  }
  return store::mint_session{new_draft(), guest};
}

/// Goes to the guests in random order, but leaves one in four to the reaper, unless it mints.
answers fixture::race(const std::vector<uuid>& guests, seed_type seed, errand what) {
  std::mt19937 dice{seed};
  auto mine = connect();
  std::vector<uuid> order;
  for (std::size_t i = 0; i < guests.size(); ++i)
    if (what == errand::mint || i % 4 != 0)
      order.push_back(guests[i]);
  std::shuffle(order.begin(), order.end(), dice);
  answers out;
  for (const auto& guest : order) {
    std::this_thread::sleep_for(std::chrono::microseconds{dice() % 1500});
    auto code = code_of(run_one(mine, next_operation(what, guest, seed)));
    if (code != errc::none && code != errc::account_not_found)
      throw std::runtime_error(std::string{to_string(code)});
    out.emplace_back(guest, code == errc::none);
  }
  return out;
}

/// Sweeps in small batches, over and over.
void fixture::sweep_until(const std::shared_future<void>& over, seed_type seed) {
  std::mt19937 dice{seed};
  auto mine = connect();
  auto op = sweep(3);
  while (over.wait_for(std::chrono::microseconds{dice() % 4000}) != std::future_status::ready) {
    auto done = must(mine, op);
    op.after = done.has_more ? done.reached : store::sweep_position{};
  }
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(reaper_tests, fixture)

// -- guests ------------------------------------------------------------------------------------------------

CAF_TEST(old guests go with all they have and one event for each that had an active session) {
  auto guests = old_guests(4);
  new_session(conn, guests[0]);
  new_session(conn, guests[0]);
  new_session(conn, guests[1]);
  must(conn, store::revoke_account{guests[1], {}, cause, new_id()});
  new_session(conn, guests[1]);
  auto ended = new_session(conn, guests[2]);
  must(conn, store::revoke_session{ended.session.session_id, {}, cause, new_id()});
  run(other, "insert into account_stats (account_id) select account_id from accounts;"
             " insert into identities (identity_id, account_id, kind, external_id)"
             " select gen_random_uuid(), account_id, 'telegram', account_id::text from accounts");
  auto before = log().size();

  auto done = must(conn, sweep());
  CAF_CHECK(done.is_leader);
  CAF_CHECK_EQUAL(done.rows, 4u);
  CAF_CHECK(!done.has_more);
  for (const auto* table : {"accounts", "sessions", "identities", "account_stats"})
    CAF_CHECK_EQUAL(count(table), 0);
  auto entries = log();
  std::map<uuid, std::int32_t> ends;
  for (auto i = before; i < entries.size(); ++i) {
    CAF_CHECK(entries[i].kind == revocation_kind::account);
    CAF_CHECK_EQUAL(entries[i].reason, "guest abandoned");
    CAF_CHECK_EQUAL(entries[i].actor, "reaper");
    ends[entries[i].account_id] = entries[i].generation;
  }
  CAF_CHECK_EQUAL(entries.size() - before, 2u);
  CAF_CHECK(ends == (std::map<uuid, std::int32_t>{{guests[0], 1}, {guests[1], 2}})); // above every session's
}

CAF_TEST(who is seated or young or grown up stays) {
  auto guests = old_guests(3);
  must(conn, store::seat_player{new_id(), guests[0], {}, new_id()});
  must(conn, linking(guests[1], "ann@example.org"));
  auto young = new_account(conn);
  CAF_CHECK_EQUAL(must(conn, sweep()).rows, 1u);
  CAF_CHECK(exists(guests[0]));
  CAF_CHECK(exists(guests[1]));
  CAF_CHECK(!exists(guests[2]));
  CAF_CHECK(exists(young));
}

CAF_TEST(the cut off is to the microsecond) {
  auto guest = old_guests(1)[0];
  auto op = sweep();
  op.created_before = must(conn, store::get_account{guest}).created_at;
  CAF_CHECK_EQUAL(must(conn, op).rows, 0u);
  op.created_before += 1us;
  CAF_CHECK_EQUAL(must(conn, op).rows, 1u);
}

CAF_TEST(batches carry on from what the one before reached) {
  auto guests = old_guests(5); // all of one age: their ids decide
  auto op = sweep(2);
  run(other, "begin; select from accounts where account_id = " + quoted(guests[0]) + " for key share");
  auto first = must(conn, op);
  CAF_CHECK_EQUAL(first.rows, 1u);
  CAF_CHECK(first.has_more);
  CAF_CHECK(first.reached.id == guests[1]);
  run(other, "commit");
  op.after = first.reached;
  auto second = must(conn, op);
  CAF_CHECK_EQUAL(second.rows, 2u);
  CAF_CHECK(second.has_more);
  CAF_CHECK(second.reached.id == guests[3]);
  op.after = second.reached;
  auto third = must(conn, op);
  CAF_CHECK_EQUAL(third.rows, 1u);
  CAF_CHECK(!third.has_more);
  CAF_CHECK(exists(guests[0])); // for the next sweep
  CAF_CHECK_EQUAL(must(conn, sweep()).rows, 1u);
}

CAF_TEST(a guest whose row somebody holds is skipped) {
  auto guests = old_guests(2);
  for (const auto* lock : {"key share", "share", "no key update", "update"}) {
    run(other, "begin; select from accounts where account_id = " + quoted(guests[0]) + " for " + lock);
    must(conn, sweep());
    run(other, "commit");
    CAF_CHECK(exists(guests[0]));
  }
  CAF_CHECK(!exists(guests[1]));
}

CAF_TEST(a guest that is being seated survives and stays seated) {
  auto guest = old_guests(1)[0];
  run(other, "begin; insert into game_players (game_id, account_id) values (" + quoted(new_id()) + ", "
               + quoted(guest) + ")");
  CAF_CHECK_EQUAL(must(conn, sweep()).rows, 0u);
  run(other, "commit");
  CAF_CHECK_EQUAL(must(conn, sweep()).rows, 0u);
  CAF_CHECK(exists(guest));
}

CAF_TEST(who comes for a guest that is being reaped is told that it is gone) {
  auto guest = old_guests(1)[0];
  new_session(conn, guest);
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::revocation_log_lock) + ")");
  auto watcher = connect();
  auto swept = std::async(std::launch::async, [&] { return must(conn, sweep()); });
  wait_until_blocked(watcher, 1); // deleted, not committed
  std::vector<store::operation> late{
    store::seat_player{new_id(), guest, 1, new_id()},
    store::mint_session{new_draft(), guest},
    linking(guest, "ann@example.org"),
  };
  std::vector<std::future<errc>> answered;
  for (const auto& op : late)
    answered.push_back(std::async(std::launch::async, [this, op] {
      auto mine = connect();
      return code_of(run_one(mine, op));
    }));
  wait_until_blocked(watcher, 4);
  run(other, "commit");
  CAF_CHECK_EQUAL(swept.get().rows, 1u);
  for (auto& one : answered)
    CAF_CHECK_EQUAL(to_string(one.get()), to_string(errc::account_not_found));
  CAF_CHECK_EQUAL(count("sessions") + count("game_players") + count("identities"), 0);
}

CAF_TEST(a dry run counts batch by batch and changes nothing) {
  auto guests = old_guests(3);
  must(conn, store::seat_player{new_id(), guests[0], 1, new_id()});
  new_account(conn);
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::reaper_lock) + ")"); // somebody sweeps
  auto op = sweep(2);
  op.dry_run = true;
  auto first = must(conn, op);
  CAF_CHECK(first.is_leader);
  CAF_CHECK_EQUAL(first.rows, 1u);
  CAF_CHECK(first.has_more);
  op.after = first.reached;
  auto second = must(conn, op);
  CAF_CHECK_EQUAL(second.rows, 1u);
  CAF_CHECK(!second.has_more);
  run(other, "commit");
  CAF_CHECK_EQUAL(count("accounts"), 4);
}

CAF_TEST(a batch looks at no more guests than it is told whether they are seated or not ) {
  auto guests = old_guests(6);
  for (std::size_t i = 0; i < 5; ++i)
    must(conn, store::seat_player{new_id(), guests[i], {}, new_id()});
  auto op = sweep(2);
  std::size_t reaped[] = {0, 0, 1};
  for (std::size_t batch = 0; batch < 3; ++batch) {
    auto done = must(conn, op);
    CAF_CHECK_EQUAL(done.rows, reaped[batch]);
    CAF_CHECK(done.has_more);
    CAF_CHECK(done.reached.id == guests[batch * 2 + 1]);
    op.after = done.reached;
  }
  CAF_CHECK(!must(conn, op).has_more);
}

CAF_TEST(nothing is done while another replica sweeps) {
  auto guest = old_guests(1)[0];
  auto made = new_session(conn, guest);
  must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  run(other, "begin; select pg_advisory_xact_lock(" + std::to_string(db::reaper_lock) + ")");
  auto later = wall_clock_now() + 1h;
  CAF_CHECK(!must(conn, sweep()).is_leader);
  CAF_CHECK(!must(conn, store::delete_dead_sessions{later, {}, 10}).is_leader);
  CAF_CHECK(!must(conn, store::delete_dead_generations{later, {}, 10}).is_leader);
  CAF_CHECK(!must(conn, store::prune_events{later, 10}).is_leader);
  CAF_CHECK_EQUAL(count("accounts") + count("sessions") + count("revocation_events"), 3);
  run(other, "commit");
  CAF_CHECK(must(conn, store::delete_dead_sessions{later, {}, 10}).is_leader);
  CAF_CHECK(must(conn, store::prune_events{later, 10}).is_leader);
  CAF_CHECK(must(conn, sweep()).is_leader);
  CAF_CHECK_EQUAL(count("accounts") + count("sessions") + count("revocation_events"), 0);
}

// -- events ------------------------------------------------------------------------------------------------

CAF_TEST(the log loses a prefix and cursors into it are reset) {
  for (int i = 0; i < 4; ++i) {
    auto made = new_session(conn, new_account(conn));
    must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()});
  }
  auto entries = log();
  CAF_REQUIRE_EQUAL(entries.size(), 4u);
  run(other, "update revocation_events set occurred_at = now() - interval '2 hours' where seq <> "
               + std::to_string(entries[2].seq));
  auto pruned_through = [&] {
    return static_cast<std::uint64_t>(number(other, "select pruned_through from feed_state"));
  };
  auto is_reset = [&](std::uint64_t seq) {
    return must(conn, store::read_events{{log_start().epoch, seq}, 10}).reset;
  };
  CAF_CHECK(!is_reset(0));

  auto first = must(conn, store::prune_events{cut_off, 1});
  CAF_CHECK(first.is_leader);
  CAF_CHECK_EQUAL(first.rows, 1u);
  CAF_CHECK(first.has_more);
  CAF_CHECK_EQUAL(pruned_through(), entries[0].seq);
  CAF_CHECK(is_reset(0));
  CAF_CHECK(!is_reset(entries[0].seq));

  auto second = must(conn, store::prune_events{cut_off, 10});
  CAF_CHECK_EQUAL(second.rows, 1u); // the fourth is old, but behind one that stays
  CAF_CHECK(!second.has_more);
  CAF_CHECK_EQUAL(pruned_through(), entries[1].seq);
  CAF_CHECK(is_reset(entries[0].seq));
  CAF_CHECK(!is_reset(entries[1].seq));
  CAF_CHECK_EQUAL(count("revocation_events"), 2);

  CAF_CHECK_EQUAL(must(conn, store::prune_events{cut_off, 10}).rows, 0u);
  CAF_CHECK_EQUAL(pruned_through(), entries[1].seq);
}

CAF_TEST(an emptied log goes on where it ended) {
  auto made = new_session(conn, new_account(conn));
  auto last = must(conn, store::revoke_session{made.session.session_id, {}, cause, new_id()}).position;
  CAF_CHECK_EQUAL(must(conn, store::prune_events{wall_clock_now() + 1h, 10}).rows, 1u);
  auto page = must(conn, store::read_events{last, 10});
  CAF_CHECK(!page.reset);
  CAF_CHECK(page.last == last);
}

// -- all at once -------------------------------------------------------------------------------------------

CAF_TEST(whoever was answered as linked or seated survives the reaper and nobody else does) {
  constexpr int racers_per_errand = 2;
  std::mt19937 dice{random_seed()};
  auto guests = old_guests(120);
  for (const auto& guest : guests)
    new_session(conn, guest);
  std::vector<std::future<void>> reapers;
  std::promise<void> stop; // declared after them: they end, too, when this test is left early
  auto over = stop.get_future().share();
  for (int i = 0; i < 2; ++i)
    reapers.push_back(std::async(std::launch::async, [this, over, seed = dice()] { sweep_until(over, seed); }));
  std::vector<std::pair<errand, std::future<answers>>> racers;
  for (auto what : {errand::link, errand::seat, errand::mint})
    for (int i = 0; i < racers_per_errand; ++i)
      racers.emplace_back(
        what, std::async(std::launch::async, [&, what, seed = dice()] { return race(guests, seed, what); }));

  std::set<uuid> kept;
  std::set<uuid> refused;
  for (auto& [what, racer] : racers)
    for (const auto& [guest, was_found] : racer.get()) {
      if (!was_found)
        refused.insert(guest);
      else if (what != errand::mint)
        kept.insert(guest);
    }
  stop.set_value();
  for (auto& reaper : reapers)
    reaper.get();
  must(conn, sweep());

  std::map<uuid, int> ends;
  for (const auto& entry : log())
    if (entry.actor == "reaper")
      ++ends[entry.account_id];
  for (const auto& guest : guests) {
    bool is_kept = kept.count(guest) > 0;
    CAF_CHECK_EQUAL(exists(guest), is_kept);
    CAF_CHECK(!is_kept || refused.count(guest) == 0); // none came back
    CAF_CHECK_EQUAL(ends[guest], is_kept ? 0 : 1);    // each had an active session
  }
  CAF_MESSAGE(kept.size() << " of " << guests.size() << " guests were kept, " << refused.size() << " refused");
  CAF_CHECK_EQUAL(number(other, "select count(*) from sessions s where not exists"
                                " (select from accounts a where a.account_id = s.account_id)"),
                  0);
  CAF_CHECK_EQUAL(number(other, "select count(distinct account_id) from sessions"), count("accounts"));
}

CAF_TEST_FIXTURE_SCOPE_END()
