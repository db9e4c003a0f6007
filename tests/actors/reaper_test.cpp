#include "actors/timed_fixture.hpp"

#include "actors/reaper.hpp"

using namespace portcullis;
using namespace portcullis::test;

namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct fixture : timed_fixture {
  reaper_actor sweeper = make();

  reaper_actor make(hours session_max_age = hours{0}, hours guest_session_max_age = hours{0}) {
    reaper_options options;
    options.interval = hours{1};
    options.guest_retention = hours{24};
    options.revoked_retention = hours{48};
    options.event_retention = hours{12};
    options.audit_retention = hours{96};
    options.batch_rows_max = 1000;
    options.session_max_age = session_max_age;
    options.guest_session_max_age = guest_session_max_age;
    return sys.spawn(reaper, options, reaper_store_actor{store}, wakeup,
                     moving_clock::make(moving_clock::wall_clock));
  }

  fixture() {
    sched.run();
  }

  ~fixture() override {
    end(sweeper);
  }

  void use_ages(hours of_sessions, hours of_guests) {
    end(sweeper);
    sweeper = make(of_sessions, of_guests);
    sched.run();
  }

  void tick() {
    anon_send(sweeper, tick_atom_v);
    sched.run();
  }

  /// The pause between two transactions is over.
  void step() {
    run_timers(std::chrono::milliseconds{20});
  }

  /// The database is months away from this process's wall clock.
  static timestamp database_time() {
    return moving_clock::wall_clock() - hours{40 * 24};
  }

  void tell_time() {
    reply(take<store::read_clock>(), store::read_clock::result{database_time()});
  }

  static store::swept batch(std::size_t count, bool has_more = false) {
    return {true, count, has_more, {database_time() - hours{25}, make_uuid(7)}, {}};
  }

  /// The rest of a sweep in which nothing is left to remove.
  void finish_sweep() {
    step();
    reply(take<store::delete_dead_sessions>(), store::swept{});
    step();
    reply(take<store::delete_dead_generations>(), store::swept{});
    step();
    reply(take<store::prune_events>(), store::swept{});
    step();
    reply(take<store::prune_audit>(), store::swept{});
  }

  std::shared_ptr<test::outcome<reaper_status>> status() {
    auto told = test::ask<reaper_status>(sys, sweeper, read_reaper_status{});
    sched.run();
    return told;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reaper_tests, fixture)

CAF_TEST(a sweep begins when the interval is over and not a tick before) {
  move_clocks(hours{1} - std::chrono::microseconds{1});
  tick();
  CAF_CHECK(peers->empty());
  move_clocks(std::chrono::microseconds{1});
  tick();
  tell_time();
  auto asked = take<store::reap_guests>();
  CAF_CHECK(asked.message.created_before == database_time() - hours{24});
  CAF_CHECK_EQUAL(asked.message.limit, 1000u);
  CAF_CHECK(!asked.message.dry_run);
  CAF_CHECK_EQUAL(asked.message.cause.actor, "reaper");
  CAF_CHECK_EQUAL(asked.message.origin.actor, "reaper");
  reply(std::move(asked), batch(0));
  finish_sweep();
}

CAF_TEST(each stage has its own retention by the clock of the database and the cut offs stand still) {
  move_clocks(hours{1});
  tick();
  const auto start = database_time();
  tell_time();
  reply(take<store::reap_guests>(), batch(0));
  move_clocks(seconds{90});
  step();
  auto dead = take<store::delete_dead_sessions>();
  CAF_CHECK(dead.message.ended_before == start - hours{48});
  reply(std::move(dead), store::swept{});
  step();
  auto dead_together = take<store::delete_dead_generations>();
  CAF_CHECK(dead_together.message.ended_before == start - hours{48});
  reply(std::move(dead_together), store::swept{});
  step();
  auto old = take<store::prune_events>();
  CAF_CHECK(old.message.occurred_before == start - hours{12});
  reply(std::move(old), store::swept{});
  step();
  auto oldest = take<store::prune_audit>();
  CAF_CHECK(oldest.message.occurred_before == start - hours{96});
  CAF_CHECK_EQUAL(oldest.message.limit, 1000u);
  reply(std::move(oldest), store::swept{});
  CAF_CHECK(peers->empty());
  const auto told = status();
  CAF_REQUIRE(told->reply);
  CAF_REQUIRE(told->reply->last);
  CAF_CHECK(told->reply->last->started_at == start);
}

CAF_TEST(a batch that was full is followed by one that goes on where it ended) {
  move_clocks(hours{1});
  tick();
  tell_time();
  auto first = batch(1000, true);
  reply(take<store::reap_guests>(), first);
  CAF_CHECK(was_rung());     // the events of a committed batch do not wait for the next
  CAF_CHECK(peers->empty()); // a pause
  step();
  auto second = take<store::reap_guests>();
  CAF_CHECK(second.message.after.id == first.reached.id);
  CAF_CHECK(second.message.after.time == first.reached.time);
  reply(std::move(second), batch(3));
  finish_sweep();
  const auto told = status();
  CAF_REQUIRE(told->reply);
  CAF_REQUIRE(told->reply->last);
  CAF_CHECK_EQUAL(told->reply->last->guests, 1003u);
  CAF_CHECK(!told->reply->is_running);
}

CAF_TEST(nothing reaped rings no wakeup) {
  move_clocks(hours{1});
  tick();
  tell_time();
  reply(take<store::reap_guests>(), batch(0));
  CAF_CHECK(!was_rung());
  finish_sweep();
}

CAF_TEST(a replica that is not the leader leaves the work to the one that is) {
  move_clocks(hours{1});
  tick();
  tell_time();
  store::swept elsewhere;
  elsewhere.is_leader = false;
  reply(take<store::reap_guests>(), elsewhere);
  step();
  CAF_CHECK(peers->empty());
  const auto told = status();
  CAF_REQUIRE(told->reply);
  CAF_REQUIRE(told->reply->last);
  CAF_CHECK(!told->reply->last->is_leader);
  move_clocks(hours{1});
  tick();
  tell_time();
  reply(take<store::reap_guests>(), batch(0));
  finish_sweep();
}

CAF_TEST(a failed sweep is tried again after a pause that doubles) {
  move_clocks(hours{1});
  tick();
  for (auto pause : {seconds{1}, seconds{2}, seconds{4}}) {
    refuse(take<store::read_clock>()); // without it there is nothing to sweep by
    CAF_CHECK(peers->empty());
    move_clocks(pause - std::chrono::microseconds{1});
    tick();
    CAF_CHECK(peers->empty());
    move_clocks(std::chrono::microseconds{1});
    tick();
  }
  tell_time();
  reply(take<store::reap_guests>(), batch(0));
  finish_sweep();
  move_clocks(hours{1} - std::chrono::microseconds{1});
  tick();
  CAF_CHECK(peers->empty()); // back to the interval
}

CAF_TEST(told to run it runs and answers when it is over) {
  const auto told = test::ask<reaper_run>(sys, sweeper, run_reaper{});
  sched.run();
  const auto also = test::ask<reaper_run>(sys, sweeper, run_reaper{});
  sched.run();
  tell_time();
  reply(take<store::reap_guests>(), batch(2));
  CAF_CHECK(told->is_open());
  finish_sweep();
  CAF_REQUIRE(told->reply);
  CAF_CHECK_EQUAL(told->reply->guests, 2u);
  CAF_CHECK(!told->reply->dry_run);
  CAF_REQUIRE(also->reply); // one sweep for both
  CAF_CHECK_EQUAL(also->reply->guests, 2u);
}

CAF_TEST(what a sweep takes is told as taken for whoever ordered it) {
  run_reaper order;
  order.origin.actor = "admin";
  order.origin.caller = "console";
  test::ask<reaper_run>(sys, sweeper, order);
  sched.run();
  tell_time();
  auto asked = take<store::reap_guests>();
  CAF_CHECK_EQUAL(asked.message.origin.caller, "console");
  reply(std::move(asked), batch(0));
  finish_sweep();
  move_clocks(hours{1});
  tick();
  tell_time();
  auto own = take<store::reap_guests>();
  CAF_CHECK_EQUAL(own.message.origin.actor, "reaper");
  CAF_CHECK(own.message.origin.caller.empty());
  reply(std::move(own), batch(0));
  finish_sweep();
}

CAF_TEST(a stage that fails does not keep the others from running) {
  const auto told = test::ask<reaper_run>(sys, sweeper, run_reaper{});
  sched.run();
  tell_time();
  refuse(take<store::reap_guests>());
  step();
  reply(take<store::delete_dead_sessions>(), batch(3));
  step();
  refuse(take<store::delete_dead_generations>());
  step();
  CAF_CHECK(told->is_open());
  reply(take<store::prune_events>(), batch(4));
  step();
  CAF_CHECK(told->is_open());
  reply(take<store::prune_audit>(), batch(5));
  CAF_CHECK(told->error.code == errc::database_unavailable); // whoever waits hears of it
  const auto is = status();
  CAF_REQUIRE(is->reply);
  CAF_REQUIRE(is->reply->last);
  CAF_CHECK_EQUAL(is->reply->last->sessions, 3u);
  CAF_CHECK_EQUAL(is->reply->last->events, 4u);
  CAF_CHECK_EQUAL(is->reply->last->audit, 5u);
  CAF_CHECK(is->reply->last->error == errc::database_unavailable);
}

CAF_TEST(a stage that failed goes on where it stopped with smaller batches) {
  move_clocks(hours{1});
  tick();
  tell_time();
  reply(take<store::reap_guests>(), batch(1000, true));
  step();
  refuse(take<store::reap_guests>());
  finish_sweep();
  move_clocks(seconds{1});
  tick();
  tell_time();
  auto again = take<store::reap_guests>();
  CAF_CHECK(again.message.after.id == make_uuid(7));
  CAF_CHECK_EQUAL(again.message.limit, 500u);
  reply(std::move(again), batch(0));
  step();
  auto others = take<store::delete_dead_sessions>();
  CAF_CHECK_EQUAL(others.message.limit, 1000u);
  reply(std::move(others), store::swept{});
  step();
  reply(take<store::delete_dead_generations>(), store::swept{});
  step();
  reply(take<store::prune_events>(), store::swept{});
  step();
  reply(take<store::prune_audit>(), store::swept{});
  move_clocks(hours{1});
  tick();
  tell_time();
  auto fresh = take<store::reap_guests>(); // got through: from the beginning
  CAF_CHECK(fresh.message.after.id.is_nil());
  CAF_CHECK_EQUAL(fresh.message.limit, 1000u);
  reply(std::move(fresh), batch(0));
  finish_sweep();
}

CAF_TEST(what expired goes after its retention and what was passed over is not looked at again) {
  use_ages(hours{10}, hours{2});
  for (int sweep = 0; sweep < 2; ++sweep) {
    move_clocks(hours{1});
    tick();
    tell_time();
    reply(take<store::reap_guests>(), batch(0));
    step();
    reply(take<store::delete_dead_sessions>(), store::swept{});
    step();
    reply(take<store::delete_dead_generations>(), store::swept{});
    step();
    auto guests = take<store::delete_expired_sessions>();
    CAF_CHECK(guests.message.of_guests);
    CAF_CHECK(guests.message.created_before == database_time() - hours{48 + 2});
    CAF_CHECK(guests.message.after.id == (sweep == 0 ? uuid{} : make_uuid(7)));
    reply(std::move(guests), batch(3));
    step();
    auto others = take<store::delete_expired_sessions>();
    CAF_CHECK(!others.message.of_guests);
    CAF_CHECK(others.message.created_before == database_time() - hours{48 + 10});
    CAF_CHECK(others.message.after.id.is_nil());
    reply(std::move(others), store::swept{});
    step();
    reply(take<store::prune_events>(), store::swept{});
    step();
    reply(take<store::prune_audit>(), store::swept{});
  }
  const auto is = status();
  CAF_REQUIRE(is->reply && is->reply->last);
  CAF_CHECK_EQUAL(is->reply->last->sessions, 3u);
}

CAF_TEST(the next sweep comes back to an expired row that somebody held) {
  use_ages(hours{10}, hours{0});
  const auto held = database_time() - hours{60};
  for (int sweep = 0; sweep < 3; ++sweep) {
    move_clocks(hours{1});
    tick();
    tell_time();
    reply(take<store::reap_guests>(), batch(0));
    step();
    reply(take<store::delete_dead_sessions>(), store::swept{});
    step();
    reply(take<store::delete_dead_generations>(), store::swept{});
    step();
    auto asked = take<store::delete_expired_sessions>();
    if (sweep == 1) {
      CAF_CHECK(asked.message.after.time == held);
      CAF_CHECK(asked.message.after.id.is_nil());
    } else {
      CAF_CHECK(asked.message.after.id == (sweep == 0 ? uuid{} : make_uuid(7)));
    }
    auto some = batch(1, sweep == 0);
    if (sweep == 0)
      some.left = held;
    reply(std::move(asked), some);
    step();
    if (sweep == 0) { // another batch, in which a younger one is held
      auto more = batch(1);
      more.left = held + hours{1};
      reply(take<store::delete_expired_sessions>(), more);
      step();
    }
    reply(take<store::prune_events>(), store::swept{});
    step();
    reply(take<store::prune_audit>(), store::swept{});
  }
}

CAF_TEST(a dry run counts batch by batch and starts no sweep) {
  const auto told = test::ask<reaper_run>(sys, sweeper, run_reaper{true});
  sched.run();
  tell_time();
  auto first = take<store::reap_guests>();
  CAF_CHECK(first.message.dry_run);
  CAF_CHECK(first.message.created_before == database_time() - hours{24});
  reply(std::move(first), batch(12, true));
  auto second = take<store::reap_guests>();
  CAF_CHECK(second.message.dry_run);
  CAF_CHECK(second.message.after.id == make_uuid(7));
  reply(std::move(second), batch(3));
  CAF_REQUIRE(told->reply);
  CAF_CHECK_EQUAL(told->reply->guests, 15u);
  CAF_CHECK(told->reply->dry_run);
  step();
  CAF_CHECK(peers->empty());
  CAF_CHECK(!was_rung());
}

CAF_TEST_FIXTURE_SCOPE_END()
