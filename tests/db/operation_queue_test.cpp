#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "db/operation_queue.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

using namespace portcullis;
using namespace portcullis::db;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

using ids = std::vector<std::uint32_t>;

operation_queue_options small() {
  operation_queue_options options;
  options.write_lanes = 1;
  options.queue_max = 8;
  options.batch_max = 4;
  options.blocked_batch_max = 2;
  options.operation_timeout = 5s;
  options.grow_after = 20ms;
  options.blocked_again_after = 50ms;
  options.run_again_after = 10ms;
  return options;
}

/// Reads in these tests are `get_session` and writes `create_guest`, each told by its number.
struct queue_fixture {
  operation_queue queue{small()};
  instant now = at(1'000);
  worker_load load;
  std::size_t answers = 0;

  queue_fixture() {
    load.leaves_a_worker = true;
  }

  lane add(store::operation op) {
    return queue.add(
      std::move(op), [this](store::outcome&&) { ++answers; }, now);
  }

  lane read(std::uint32_t n) {
    return add(store::get_session{make_uuid(n)});
  }

  lane write(std::uint32_t n) {
    return add(store::create_guest{make_uuid(n)});
  }

  std::optional<lane> next() const {
    return queue.next(now, load);
  }

  /// What a worker does that took a batch and found all of it locked.
  void block(lane from) {
    for (auto& op : queue.take_batch(from))
      queue.put_aside(std::move(op), now);
  }

  static ids numbers(const operation_queue::operations& ops) {
    ids result;
    for (const auto& op : ops) {
      const auto* reading = std::get_if<store::get_session>(&op.operation);
      const auto& id = reading ? reading->session_id : std::get<store::create_guest>(op.operation).account_id;
      result.push_back(id.bytes[15]);
    }
    return result;
  }

  ids take(lane from) {
    return numbers(queue.take_batch(from));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(operation_queue_tests, queue_fixture)

CAF_TEST(each kind has its lane) {
  CAF_CHECK(read(1) == lane::read);
  CAF_CHECK(write(2) == lane::write);
  CAF_CHECK(add(store::count_all{}) == lane::slow);
  CAF_CHECK(add(store::reap_guests{}) == lane::slow);
  CAF_CHECK(add(store::delete_dead_sessions{}) == lane::slow);
  CAF_CHECK(add(store::delete_dead_generations{}) == lane::slow);
  CAF_CHECK(add(store::prune_events{}) == lane::slow);
  CAF_CHECK(add(store::count_selected{}) == lane::slow);
  CAF_CHECK(add(store::work_on_revocation_jobs{}) == lane::slow);
  CAF_CHECK_EQUAL(queue.size(), 9u);
}

CAF_TEST(the lane whose head has waited longest is next) {
  CAF_CHECK(!next());
  write(1);
  now += 1ms;
  read(2);
  CAF_CHECK(next() == lane::write);
  CAF_CHECK(take(lane::write) == ids{1});
  CAF_CHECK(next() == lane::read);
}

CAF_TEST(a batch is the oldest of one lane and bounded) {
  for (std::uint32_t n = 1; n <= 5; ++n)
    read(n);
  write(6);
  CAF_CHECK(take(lane::read) == (ids{1, 2, 3, 4}));
  CAF_CHECK(take(lane::read) == ids{5});
  CAF_CHECK(take(lane::read).empty());
  add(store::count_all{});
  add(store::count_all{});
  CAF_CHECK_EQUAL(queue.take_batch(lane::slow).size(), 1u);
}

CAF_TEST(writes wait for their lane unless they fill a batch) {
  load.busy[lane::write] = 1;
  for (std::uint32_t n = 1; n <= 3; ++n)
    write(n);
  CAF_CHECK(!next());
  write(4);
  CAF_CHECK(next() == lane::write);
}

CAF_TEST(another lane opens to twice as many writes as are under way or after a wait) {
  auto options = small();
  options.write_lanes = 2;
  options.join_within = 10ms;
  queue = operation_queue{options};
  load.busy[lane::write] = 1;
  load.writes = 2;
  write(1);
  CAF_CHECK(!next());
  CAF_CHECK(!queue.next(now + 10ms - 1ns, load));
  CAF_CHECK(queue.next(now + 10ms, load) == lane::write);
  for (std::uint32_t n = 2; n <= 3; ++n)
    write(n);
  CAF_CHECK(!next());
  write(4);
  CAF_CHECK(next() == lane::write);
  load.busy[lane::write] = 2;
  load.writes = 4;
  CAF_CHECK(queue.take_batch(lane::write).size() == 4u);
  write(5);
  CAF_CHECK(!queue.next(now + 10ms, load));
}

CAF_TEST(a single write holds up no other) {
  auto options = small();
  options.write_lanes = 2;
  queue = operation_queue{options};
  load.busy[lane::write] = 1;
  load.writes = 1;
  write(1);
  CAF_CHECK(next() == lane::write);
}

CAF_TEST(what is slow has one worker and never the last) {
  add(store::count_all{});
  load.busy[lane::slow] = 1;
  CAF_CHECK(!next());
  load.busy[lane::slow] = 0;
  load.leaves_a_worker = false;
  CAF_CHECK(!next());
  CAF_CHECK(queue.needs_a_worker(now, load));
  load.leaves_a_worker = true;
  CAF_CHECK(next() == lane::slow);
  CAF_CHECK(!queue.needs_a_worker(now, load));
}

CAF_TEST(a long wait or a full batch needs one more worker) {
  read(1);
  CAF_CHECK(!queue.needs_a_worker(now + 20ms - 1ns, load));
  CAF_CHECK(queue.needs_a_worker(now + 20ms, load));
  for (std::uint32_t n = 2; n <= 4; ++n)
    read(n);
  CAF_CHECK(queue.needs_a_worker(now, load));
}

CAF_TEST(what is put aside waits a moment and takes along what needs the same lock) {
  write(1);
  block(lane::write);
  CAF_CHECK(write(1) == lane::blocked);
  CAF_CHECK(write(2) == lane::write);
  CAF_CHECK(read(1) == lane::read); // which needs no lock
  queue.take_batch(lane::write);
  queue.take_batch(lane::read);
  now += 50ms - 1ns;
  CAF_CHECK(!next());
  now += 1ns;
  CAF_CHECK(next() == lane::blocked);
  CAF_CHECK(take(lane::blocked) == (ids{1, 1}));
  CAF_CHECK(write(1) == lane::write); // nobody waits for the lock any more
}

CAF_TEST(a lock is waited for until the last that needs it is done) {
  write(1);
  block(lane::write);
  write(1);
  auto both = queue.take_batch(lane::blocked);
  CAF_CHECK_EQUAL(both.size(), 2u);
  both.erase(both.begin()); // done
  CAF_CHECK(write(1) == lane::blocked);
  queue.put_aside(std::move(both.front()), now); // once more
  both.clear();
  CAF_CHECK(take(lane::blocked) == (ids{1, 1}));
  CAF_CHECK(write(1) == lane::write);
}

CAF_TEST(a batch of what is blocked has a bound of its own) {
  for (std::uint32_t n = 1; n <= 3; ++n)
    write(n);
  block(lane::write);
  CAF_CHECK(take(lane::blocked) == (ids{1, 2}));
}

CAF_TEST(what is put back keeps its order before what came later) {
  write(1);
  write(2);
  auto batch = queue.take_batch(lane::write);
  write(3);
  queue.put_back(std::move(batch));
  CAF_CHECK(take(lane::write) == (ids{1, 2, 3}));
}

CAF_TEST(what pauses counts and returns to its head in its order) {
  write(1);
  write(2);
  for (auto& op : queue.take_batch(lane::write)) {
    queue.pause(std::move(op), now);
    now += 1ms;
  }
  write(3);
  CAF_CHECK_EQUAL(queue.size(), 3u);
  now = at(1'000) + 10ms;
  queue.end_pauses(now - 1ns);
  CAF_CHECK(take(lane::write) == ids{3});
  queue.end_pauses(now); // the first alone
  CAF_CHECK(take(lane::write) == ids{1});
  write(4);
  queue.end_pauses(now + 1ms);
  CAF_CHECK(take(lane::write) == (ids{2, 4}));
}

CAF_TEST(what has reached its deadline is handed out and the others stay) {
  read(1);
  write(2);
  block(lane::write);
  now += 1s;
  read(3);
  CAF_CHECK(queue.take_expired(now + 4s - 1ns).empty());
  CAF_CHECK(numbers(queue.take_expired(now + 4s)) == (ids{1, 2}));
  CAF_CHECK(take(lane::read) == ids{3});
  CAF_CHECK_EQUAL(answers, 0u);
}

CAF_TEST(the bound counts all lanes and what pauses) {
  for (std::uint32_t n = 1; n <= 4; ++n)
    read(n);
  for (auto& op : queue.take_batch(lane::read))
    queue.pause(std::move(op), now);
  for (std::uint32_t n = 5; n <= 7; ++n)
    write(n);
  CAF_CHECK(!queue.is_full());
  add(store::count_all{});
  CAF_CHECK(queue.is_full());
  CAF_CHECK_EQUAL(queue.take_all().size(), 8u);
  CAF_CHECK_EQUAL(queue.size(), 0u);
}

CAF_TEST(an operation is answered once) {
  read(1);
  auto batch = queue.take_batch(lane::read);
  CAF_CHECK(!batch.at(0).is_answered());
  batch[0].answer(failure{errc::internal, "first"});
  CAF_CHECK(batch[0].is_answered());
  batch[0].answer(failure{errc::internal, "second"});
  CAF_CHECK_EQUAL(answers, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
