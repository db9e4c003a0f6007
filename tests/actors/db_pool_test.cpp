#include "actors/db_pool_fixture.hpp"

#include "telemetry/exposition.hpp"

#include "telemetry/metrics.hpp"

#include <string>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(db_pool_tests, db_pool_fixture)

// -- batches -------------------------------------------------------------------------------------------------

CAF_TEST(an operation goes out at once and comes back) {
  start_connected();
  const auto got = read(1);
  auto asked = take_batch(make_ids({1}));
  CAF_CHECK(asked.message.deadline == clock.now() + 5s);
  CAF_CHECK(got->is_open());
  finish(asked);
  CAF_CHECK(is(got, 1));
}

CAF_TEST(what waits while the worker is busy becomes one batch) {
  start_connected();
  const auto first = read(1);
  auto asked = take_batch(make_ids({1}));
  const auto second = read(2);
  const auto third = read(3);
  const auto fourth = read(4);
  CAF_CHECK(workers->empty());
  finish(asked);
  auto rest = take_batch(make_ids({2, 3, 4}));
  CAF_CHECK(second->is_open());
  finish(rest);
  CAF_CHECK(is(first, 1) && is(second, 2) && is(third, 3) && is(fourth, 4));
  CAF_CHECK_EQUAL(stats().batches, 2u);
  CAF_CHECK_EQUAL(stats().operations, 4u);
}

CAF_TEST(a batch is bounded) {
  start_connected();
  read(1);
  auto asked = take_batch(make_ids({1}));
  for (std::uint32_t n = 2; n <= 7; ++n)
    read(n);
  // Batches that are full ask for a worker more; it is not there yet.
  auto connecting = workers->take<db_connect>();
  finish(asked);
  auto full = take_batch(make_ids({2, 3, 4, 5}));
  finish(full);
  take_batch(make_ids({6, 7}));
}

CAF_TEST(each operation gets its own outcome) {
  start_connected();
  read(1);
  auto asked = take_batch(make_ids({1}));
  const auto second = read(2);
  const auto third = read(3);
  finish(asked);
  auto batch = take_batch(make_ids({2, 3}));
  auto result = result_of(batch.message);
  result.outcomes[0] = failure{errc::session_not_found, "no such session"};
  finish(batch, std::move(result));
  CAF_CHECK(is_error(second, errc::session_not_found));
  CAF_CHECK_EQUAL(second->error.detail, "no such session");
  CAF_CHECK(is(third, 3));
}

CAF_TEST(reads do not wait behind writes) {
  options.workers_idle_max = 2;
  start_connected();
  write(1);
  auto first_write = take_batch(make_ids({1}));
  write(2); // the only lane is taken, though a worker is free
  CAF_CHECK(workers->empty());
  const auto got = read(3);
  auto reading = take_batch(make_ids({3}));
  finish(reading);
  CAF_CHECK(is(got, 3));
  CAF_CHECK(workers->empty());
  finish(first_write);
  take_batch(make_ids({2}));
}

CAF_TEST(a full batch of writes opens another lane) {
  options.workers_idle_max = 2;
  start_connected();
  write(1);
  auto first_write = take_batch(make_ids({1}));
  for (std::uint32_t n = 2; n <= 4; ++n)
    write(n);
  CAF_CHECK(workers->empty());
  write(5);
  take_batch(make_ids({2, 3, 4, 5}));
}

CAF_TEST(a batch of writes that is smaller than twice what is under way waits) {
  options.workers_idle_max = 2;
  options.write_lanes = 2;
  start_connected();
  write(1);
  auto first = take_batch(make_ids({1}));
  write(2);
  auto second = take_batch(make_ids({2}));
  write(3);
  write(4);
  CAF_CHECK(workers->empty());
  finish(first);
  auto third = take_batch(make_ids({3, 4}));
  finish(second);
  for (std::uint32_t n = 5; n <= 7; ++n)
    write(n);
  CAF_CHECK(workers->empty());
  write(8);
  auto fourth = take_batch(make_ids({5, 6, 7, 8}));
  write(9);
  finish(third);
  CAF_CHECK(workers->empty());
  finish(fourth); // and nothing is under way
  take_batch(make_ids({9}));
}

CAF_TEST(reads and writes never share a batch and the older queue goes first) {
  start_connected();
  read(1);
  auto asked = take_batch(make_ids({1}));
  write(2);
  clock.advance(1ms);
  read(3);
  clock.advance(1ms);
  write(4);
  finish(asked);
  auto writing = take_batch(make_ids({2, 4}));
  finish(writing);
  take_batch(make_ids({3}));
}

// -- bounds (rule 8) -----------------------------------------------------------------------------------------

CAF_TEST(a full queue refuses at once) {
  start_connected();
  read(1);
  auto asked = take_batch(make_ids({1}));
  std::vector<std::shared_ptr<outcome<session>>> waiting;
  for (std::uint32_t n = 2; n <= 9; ++n)
    waiting.push_back(read(n));
  const auto refused_read = read(10);
  const auto refused_write = write(11);
  CAF_CHECK(is_error(refused_read, errc::overloaded));
  CAF_CHECK(is_error(refused_write, errc::overloaded));
  for (const auto& one : waiting)
    CAF_CHECK(one->is_open());
  CAF_CHECK_EQUAL(stats().queued, 8u);
  CAF_CHECK_EQUAL(stats().refused, 2u);
}

CAF_TEST(what waits in the queue is answered at its deadline) {
  start_connected();
  const auto on_its_way = read(1);
  auto asked = take_batch(make_ids({1}));
  const auto queued = read(2);
  const auto queued_write = write(3);
  workers->clear();
  clock.advance(1s);
  const auto younger = read(4);
  pass(4s - 1ns);
  CAF_CHECK(queued->is_open());
  pass(1ns);
  CAF_CHECK(is_error(queued, errc::database_unavailable));
  CAF_CHECK(is_error(queued_write, errc::database_unavailable));
  CAF_CHECK(younger->is_open());
  CAF_CHECK(on_its_way->is_open()); // the worker has a moment to say so itself
  CAF_CHECK_EQUAL(stats().expired, 2u);
}

CAF_TEST(a silent worker does not keep its callers and its late result goes nowhere) {
  start_connected();
  const auto got = read(1);
  auto asked = take_batch(make_ids({1}));
  pass(5s);
  CAF_CHECK(got->is_open());
  pass(500ms);
  CAF_CHECK(is_error(got, errc::database_unavailable));
  finish(asked);
  CAF_CHECK(!got->reply);
  CAF_CHECK_EQUAL(stats().expired, 1u);
  const auto next = read(2); // the worker is free again
  auto again = take_batch(make_ids({2}));
  finish(again);
  CAF_CHECK(is(next, 2));
}

CAF_TEST(an operation that was answered at its deadline is not run again) {
  start_connected();
  write(1);
  auto asked = take_batch(make_ids({1}));
  pass(6s);
  finish(asked, lost_result_of(asked.message));
  pass(400ms);
  connect_all();
  CAF_CHECK(workers->empty());
}

// -- growing and shrinking --------------------------------------------------------------------------------------

CAF_TEST(the pool grows while operations wait and not beyond its bound) {
  start_connected();
  read(1);
  auto first = take_batch(make_ids({1}));
  read(2);
  pass(20ms - 1ns);
  CAF_CHECK_EQUAL(spawned, 1u);
  pass(1ns);
  CAF_CHECK_EQUAL(spawned, 2u);
  pass(20ms); // help is on its way: a second would not come sooner
  CAF_CHECK_EQUAL(spawned, 2u);
  connect_all();
  auto second = take_batch(make_ids({2}));
  read(3);
  pass(20ms);
  CAF_CHECK_EQUAL(spawned, 3u);
  connect_all();
  auto third = take_batch(make_ids({3}));
  read(4);
  pass(1s);
  CAF_CHECK_EQUAL(spawned, 3u);
  CAF_CHECK_EQUAL(stats().workers, 3u);
  CAF_CHECK_EQUAL(stats().busy, 3u);
}

CAF_TEST(the pool shrinks to its idle bound) {
  options.workers_idle_max = 1;
  start_connected();
  read(1);
  auto first = take_batch(make_ids({1}));
  read(2);
  pass(20ms);
  connect_all();
  auto second = take_batch(make_ids({2}));
  finish(second);
  finish(first);
  pass(30s - 1ns);
  CAF_CHECK_EQUAL(stats().workers, 2u);
  pass(1ns);
  CAF_CHECK_EQUAL(stats().workers, 1u);
  pass(1h);
  CAF_CHECK_EQUAL(stats().workers, 1u);
  CAF_CHECK_EQUAL(spawned, 2u); // one that was let go is not replaced
  const auto got = read(3);
  auto asked = take_batch(make_ids({3}));
  finish(asked);
  CAF_CHECK(is(got, 3));
}

CAF_TEST(a connection that is looked at is not used by it) {
  options.workers_idle_max = 1;
  options.check_every = 1s;
  start_connected();
  read(1);
  auto first = take_batch(make_ids({1}));
  read(2);
  pass(20ms);
  connect_all();
  auto second = take_batch(make_ids({2}));
  finish(second);
  finish(first);
  for (int i = 0; i < 31; ++i) {
    pass(1s);
    connect_all();
  }
  CAF_CHECK_EQUAL(stats().workers, 1u);
}

// -- operations that others keep from being done ----------------------------------------------------------------

CAF_TEST(what is known of a batch is told while the rest is not ) {
  start_connected();
  read(9);
  auto busy = take_batch(make_ids({9}));
  const auto first = write(1);
  const auto second = write(2);
  finish(busy);
  auto asked = take_batch(make_ids({1, 2}));
  tell(asked, {1});
  CAF_CHECK(first->is_open());
  CAF_CHECK(is(second, 2));
  auto result = result_of(asked.message);
  result.outcomes[1] = failure{errc::internal, "told before"};
  finish(asked, std::move(result));
  CAF_CHECK(is(first, 1));
}

CAF_TEST(what was told is not run again when the rest is lost) {
  start_connected();
  read(9);
  auto busy = take_batch(make_ids({9}));
  const auto first = write(1);
  const auto second = write(2);
  finish(busy);
  auto asked = take_batch(make_ids({1, 2}));
  tell(asked, {0});
  auto result = lost_result_of(asked.message);
  result.lost = {1};
  finish(asked, std::move(result));
  pass(50ms);
  connect_all();
  take_batch(make_ids({2}));
  CAF_CHECK(is(first, 1));
}

CAF_TEST(what is blocked is put aside and tried again alone until its deadline) {
  options.workers_idle_max = 3;
  start_connected();
  const auto got = write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, blocked_result_of(asked.message));
  CAF_CHECK(got->is_open());
  CAF_CHECK(workers->empty());
  const auto other = write(2); // nobody else waits for it
  auto quick = take_batch(make_ids({2}));
  finish(quick);
  CAF_CHECK(is(other, 2));
  for (int attempt = 0; attempt < 3; ++attempt) {
    pass(50ms);
    auto again = take_batch(make_ids({1}));
    CAF_CHECK(again.message.by_contention);
    finish(again, blocked_result_of(again.message));
    CAF_CHECK(got->is_open());
  }
  pass(5s);
  CAF_CHECK(is_error(got, errc::database_unavailable));
  CAF_CHECK_EQUAL(stats().queued, 0u);
  CAF_CHECK_EQUAL(stats().blocked, 4u);
}

CAF_TEST(the metrics tell how often something was put aside) {
  start_connected();
  write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, blocked_result_of(asked.message));
  write(1);
  const auto told = ask<all_numbers>(sys, pool, read_numbers{});
  consume_messages();
  CAF_REQUIRE(told->reply);
  const auto text = metrics::render(told->reply->snapshot);
  CAF_CHECK(text.find("\nportcullis_db_operations_blocked_total 2\n") != std::string::npos);
}

CAF_TEST(what needs the same lock is put aside at once) {
  options.workers_idle_max = 3;
  start_connected();
  write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, blocked_result_of(asked.message));
  const auto same = write(1);
  CAF_CHECK(workers->empty());
  pass(50ms);
  auto both = take_batch(make_ids({1, 1}));
  CAF_CHECK(workers->empty());
  const auto third = write(1); // while those are tried
  CAF_CHECK(workers->empty());
  finish(both);
  CAF_CHECK(is(same, 1));
  pass(50ms);
  auto last = take_batch(make_ids({1}));
  finish(last);
  CAF_CHECK(is(third, 1));
  const auto free = write(1); // nobody is blocked any more
  auto plain = take_batch(make_ids({1}));
  CAF_CHECK(!plain.message.by_contention);
}

CAF_TEST(what is blocked does not take the last worker) {
  options.workers_idle_max = 2;
  options.workers_max = 2;
  start_connected();
  write(1);
  auto asked = take_batch(make_ids({1}));
  finish(asked, blocked_result_of(asked.message));
  pass(50ms);
  auto held = take_batch(make_ids({1}));
  const auto counting = ask<store::count_all::result>(sys, pool, store::count_all{});
  consume_messages();
  CAF_CHECK(workers->empty()); // both would be busy with what takes long
  const auto got = read(2);
  auto reading = take_batch(make_ids({2}));
  finish(reading);
  CAF_CHECK(is(got, 2));
  finish(held);
  CAF_CHECK(workers->next_is<db_batch>()); // the count
  workers->clear();
}

CAF_TEST(a slow read shares no batch and delays no look - up) {
  options.workers_idle_max = 2;
  start_connected();
  const auto one = ask<store::count_all::result>(sys, pool, store::count_all{});
  const auto two = ask<store::count_all::result>(sys, pool, store::count_all{});
  consume_messages();
  auto counting = workers->take<db_batch>();
  CAF_CHECK_EQUAL(counting.message.operations.size(), 1u);
  CAF_CHECK(workers->empty()); // one at a time
  for (std::uint32_t n = 1; n < 4; ++n) {
    const auto got = read(n);
    auto reading = take_batch(make_ids({n}));
    finish(reading);
    CAF_CHECK(is(got, n));
  }
  workers->clear();
}

CAF_TEST(a pool of one connection makes another before it is kept by a slow read) {
  start_connected();
  const auto one = ask<store::count_all::result>(sys, pool, store::count_all{});
  consume_messages();
  CAF_CHECK(workers->next_is<db_connect>());
  connect_all();
  CAF_CHECK(workers->next_is<db_batch>());
  workers->clear();
}

CAF_TEST(the pool ends its workers when it ends) {
  start_connected();
  read(1);
  const auto asked = take_batch(make_ids({1}));
  anon_send_exit(pool, caf::exit_reason::user_shutdown);
  consume_messages();
  self->monitor(asked.asked);
  consume_messages();
  bool is_dead = false;
  self->receive([&](const caf::down_msg& down) { is_dead = down.source == asked.asked.address(); });
  CAF_CHECK(is_dead);
}

CAF_TEST_FIXTURE_SCOPE_END()
