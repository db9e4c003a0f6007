#include "actors/db_pool_fixture.hpp"

#include <algorithm>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(db_pool_outages, db_pool_fixture)

// -- the database away -----------------------------------------------------------------------------------------

CAF_TEST(while the database is away everybody is refused at once) {
  start();
  refuse_connect();
  const auto early = read(1); // it may come up yet
  CAF_CHECK(early->is_open());
  clock.advance(1s);
  const auto late = read(2);
  CAF_CHECK(is_error(late, errc::database_unavailable));
  tick();
  CAF_CHECK(is_error(early, errc::database_unavailable));
  connect_all(); // and when it returns, service resumes by itself
  const auto got = read(3);
  auto asked = take_batch(make_ids({3}));
  finish(asked);
  CAF_CHECK(is(got, 3));
}

CAF_TEST(a refused connection is tried again after a growing pause) {
  start();
  auto pause_max = 50ms;
  for (int attempt = 0; attempt < 6; ++attempt) {
    refuse_connect();
    pass(pause_max / 2 - 1ns); // the jitter takes at most half away
    CAF_CHECK(workers->empty());
    pass(pause_max / 2 + 1ns);
    CAF_CHECK(workers->next_is<db_connect>());
    pause_max = std::min<std::chrono::milliseconds>(2 * pause_max, 400ms);
  }
  connect_all();
  read(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, lost_result_of(asked.message));
  pass(50ms); // after a success the pauses begin anew
  CAF_CHECK(workers->next_is<db_connect>());
}

CAF_TEST(an idle connection is looked at now and then) {
  options.check_every = 1s;
  start_connected();
  pass(1s - 1ns);
  CAF_CHECK(workers->empty());
  pass(1ns);
  CAF_CHECK(workers->next_is<db_connect>());
  refuse_connect();
  const auto got = read(1); // waits for the connection, and is not spent on a dead one
  CAF_CHECK(workers->empty());
  pass(50ms);
  connect_all();
  auto asked = take_batch(make_ids({1}));
  finish(asked);
  CAF_CHECK(is(got, 1));
}

CAF_TEST(what never reached the server is no attempt) {
  start_connected();
  const auto got = write(1);
  for (int attempt = 0; attempt < 5; ++attempt) {
    auto asked = take_batch(make_ids({1}));
    auto result = lost_result_of(asked.message);
    result.was_sent = false;
    finish(asked, std::move(result));
    pass(50ms);
    connect_all();
  }
  auto asked = take_batch(make_ids({1}));
  finish(asked);
  CAF_CHECK(is(got, 1));
}

CAF_TEST(a connection attempt has a deadline) {
  start();
  const auto asked = workers->take<db_connect>();
  CAF_CHECK(asked.message.deadline == clock.now() + 5s);
}

// -- outcomes that were lost -------------------------------------------------------------------------------------

CAF_TEST(operations whose outcome was lost run again in order and before younger ones) {
  start_connected();
  read(1);
  auto asked = take_batch(make_ids({1}));
  const auto second = write(2);
  const auto third = write(3);
  const auto fourth = write(4);
  finish(asked);
  auto batch = take_batch(make_ids({2, 3, 4}));
  const auto fifth = write(5);
  auto result = lost_result_of(batch.message);
  result.outcomes[0] = outcome_of(batch.message.operations[0]); // committed and known to be
  result.lost.erase(result.lost.begin());
  finish(batch, std::move(result));
  CAF_CHECK(is(second, 2));
  CAF_CHECK(third->is_open());
  pass(50ms);
  connect_all();
  auto again = take_batch(make_ids({3, 4, 5}));
  finish(again);
  CAF_CHECK(is(third, 3) && is(fourth, 4) && is(fifth, 5));
  CAF_CHECK_EQUAL(stats().retried, 2u);
}

CAF_TEST(an operation whose outcome was lost waits until other connections are known to be dead) {
  options.workers_idle_max = 3;
  options.run_again_after = 10ms;
  start_connected();
  const auto got = write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, lost_result_of(asked.message));
  CAF_CHECK(workers->empty()); // though two more workers seem to be connected
  CAF_CHECK_EQUAL(stats().queued, 1u);
  pass(10ms - 1ns);
  CAF_CHECK(workers->empty());
  const auto younger = write(2);
  auto other = take_batch(make_ids({2})); // nobody else waits for it
  pass(1ns);
  finish(other);
  auto again = take_batch(make_ids({1}));
  finish(again);
  CAF_CHECK(is(got, 1) && is(younger, 2));
}

CAF_TEST(an operation that pauses is answered when the database is away) {
  options.run_again_after = 10s;
  start_connected();
  const auto got = write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, lost_result_of(asked.message));
  clock.advance(1s);
  tick();
  CAF_CHECK(is_error(got, errc::database_unavailable));
  CAF_CHECK_EQUAL(stats().queued, 0u);
  workers->clear();
}

CAF_TEST(an operation whose outcome was lost is the same one when it runs again) {
  start_connected();
  const store::revoke_account order{make_uuid(7), std::nullopt, {}, make_uuid(8)};
  const auto got = ask<store::revoke_account::result>(sys, pool, order);
  consume_messages();
  for (int run = 0; run < 2; ++run) {
    auto asked = workers->take<db_batch>();
    const auto& sent = std::get<store::revoke_account>(asked.message.operations.at(0));
    CAF_CHECK(sent.account_id == order.account_id);
    CAF_CHECK(sent.operation_id == order.operation_id);
    db_batch_result lost;
    lost.id = asked.message.id;
    lost.outcomes.assign(1, failure{errc::database_unavailable, "lost"});
    lost.lost = {0};
    finish(asked, std::move(lost));
    pass(50ms);
    connect_all();
  }
  CAF_CHECK(got->is_open());
  workers->clear();
}

CAF_TEST(attempts are bounded) {
  start_connected();
  const auto got = write(1);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CAF_CHECK(got->is_open());
    auto asked = take_batch(make_ids({1}));
    finish(asked, lost_result_of(asked.message));
    pass(50ms);
    connect_all();
  }
  CAF_CHECK(is_error(got, errc::database_unavailable));
  CAF_CHECK(workers->empty());
}

CAF_TEST(a loss with a connection that is older than the loss before is no attempt) {
  start_connected();
  const auto opened_at = clock.now();
  const auto got = write(1);
  for (int connection = 0; connection < 5; ++connection) { // all of them were cut when the first was
    auto asked = take_batch(make_ids({1}));
    auto result = lost_result_of(asked.message);
    result.opened_at = opened_at;
    finish(asked, std::move(result));
    pass(50ms);
    connect_all();
  }
  for (int attempt = 1; attempt < 3; ++attempt) { // what is cut anew counts
    CAF_CHECK(got->is_open());
    auto asked = take_batch(make_ids({1}));
    auto result = lost_result_of(asked.message);
    result.opened_at = clock.now();
    finish(asked, std::move(result));
    pass(50ms);
    connect_all();
  }
  CAF_CHECK(is_error(got, errc::database_unavailable));
  CAF_CHECK(workers->empty());
}

CAF_TEST(a worker that dies is replaced and its operations run again) {
  start_connected();
  const auto got = write(1);
  auto asked = take_batch(make_ids({1}));
  kill(asked.asked);
  CAF_CHECK_EQUAL(spawned, 2u);
  CAF_CHECK(got->is_open());
  connect_all();
  pass(50ms);
  auto again = take_batch(make_ids({1}));
  CAF_CHECK(again.asked != asked.asked);
  finish(again);
  CAF_CHECK(is(got, 1));
  CAF_CHECK_EQUAL(stats().workers, 1u);
}

CAF_TEST(a worker that dies while it connects is replaced) {
  start();
  const auto asked = workers->take<db_connect>();
  kill(asked.asked);
  CAF_CHECK_EQUAL(spawned, 2u);
  const auto got = read(1);
  connect_all();
  auto batch = take_batch(make_ids({1}));
  finish(batch);
  CAF_CHECK(is(got, 1));
}

// -- a server that has no connection left ------------------------------------------------------------------------

CAF_TEST(what the server does not give is not asked for again at once) {
  options.workers_idle_max = 2;
  start();
  workers->take<db_connect>().answer({true, {}, false});
  consume_messages();
  refuse_connect(true);
  tick();
  CAF_CHECK_EQUAL(stats().workers, 1u);
  pass(4s);
  CAF_CHECK(workers->empty());

  // The one that there is does all the work, what is slow included.
  auto slow = ask<store::count_all::result>(sys, pool, store::count_all{});
  consume_messages();
  auto counting = workers->take<db_batch>();
  read(1);
  pass(20ms); // as long as a read waits before the pool grows
  CAF_CHECK(workers->empty());
  pass(1s);
  CAF_CHECK(workers->next_is<db_connect>());
}

CAF_TEST(who is refused takes nothing from those that are still connecting) {
  options.workers_idle_max = 3;
  start();
  refuse_connect(true);
  workers->take<db_connect>().answer({true, {}, false});
  consume_messages();
  workers->take<db_connect>().answer({true, {}, false});
  consume_messages();
  tick();
  CAF_CHECK_EQUAL(stats().connected, 2u);
  CAF_CHECK_EQUAL(stats().workers, 2u);
}

CAF_TEST(a pool of which no connection stands asks on) {
  start();
  refuse_connect(true);
  pass(50ms);
  CAF_CHECK(workers->next_is<db_connect>());
}

CAF_TEST(a connection is given back to who cannot do without) {
  options.workers_idle_max = 3;
  start_connected();
  claim_connection();
  CAF_CHECK_EQUAL(stats().connected, 2u);
  claim_connection();
  claim_connection();
  CAF_CHECK_EQUAL(stats().connected, 1u); // the last one stays

  const auto got = read(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked);
  CAF_CHECK(is(got, 1));
}

CAF_TEST(a connection with work is given back after it) {
  options.workers_idle_max = 2;
  start_connected();
  write(1);
  auto writing = take_batch(make_ids({1}));
  read(2);
  auto reading = take_batch(make_ids({2}));
  claim_connection();
  CAF_CHECK_EQUAL(stats().connected, 2u);
  const auto next = read(3);
  finish(reading);
  CAF_CHECK(next->is_open());
  CAF_CHECK_EQUAL(stats().connected, 1u);
  finish(writing);
  auto rest = take_batch(make_ids({3}));
  finish(rest);
  CAF_CHECK(is(next, 3));
}

CAF_TEST_FIXTURE_SCOPE_END()
