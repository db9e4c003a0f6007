#pragma once

#include "actors/interfaces.hpp"
#include "core/time.hpp"

#include <caf/actor_addr.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace portcullis {

struct db_pool_options {
  std::size_t workers_max = 25;     // connections under load
  std::size_t workers_idle_max = 5; // connections kept when idle; also those made at the start
  std::size_t write_lanes = 2; // write batches on their way while the queue is short: fewer lanes, larger commits
  std::size_t queue_max = 10'000; // operations waiting
  std::size_t batch_max = 256;    // operations in one round trip
  std::chrono::nanoseconds operation_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds grow_after = std::chrono::milliseconds{20}; // a wait this long asks for a worker more
  std::chrono::nanoseconds shrink_after = std::chrono::seconds{30};    // idle this long, a worker too many goes
  std::chrono::nanoseconds away_after = std::chrono::seconds{1};       // no connection for so long: refuse at once
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{2};
  std::chrono::nanoseconds check_every = std::chrono::seconds{1}; // an idle connection is looked at this often
  std::chrono::milliseconds tick = std::chrono::milliseconds{50};
  std::chrono::nanoseconds blocked_again_after = std::chrono::milliseconds{50}; // whether its lock is free by now
  std::size_t blocked_batch_max = 32; // a lock that is still held costs the lane its wait
  unsigned attempts_max = 3;          // an operation whose outcome was lost with its connection is run again
  std::chrono::nanoseconds run_again_after =
    std::chrono::milliseconds{10}; // at the next tick that is so much later
  std::uint32_t seed = 1;          // of the backoff's jitter
  std::function<instant()> now = boot_clock::now;
  std::function<db_worker_actor()> spawn_worker;
};

/// The queue and the workers.
///
/// Operations wait in lanes, so that a look-up never waits for somebody else's commit, nor anything quick for what
/// takes long. A worker that is free takes a batch from the lane whose head has waited longest; what waits while
/// all are busy makes the next batch larger, so the batch size follows the load by itself.
///
/// An operation that somebody else's lock keeps from being done is put aside into a lane of its own, and with it
/// what needs the same lock; there it is tried again until its deadline. So a row that is held for long costs the
/// others one short wait, and not every time. The lanes for what is slow and what is blocked have one worker each,
/// and never the last one.
///
/// Every operation is answered: with its outcome, with `overloaded` at once when the queue is full, with
/// `database_unavailable` at its deadline, or at once while the database has been away for `away_after`.
/// One whose outcome was lost with its connection is run again (all are repeatable) until its deadline, a moment
/// later: what cut one connection has mostly cut them all, and the others are known to be dead by then.
struct db_pool_state {
  static inline const char* name = "db_pool";

  using deliver_function = std::function<void(store::outcome&&)>;

  enum class lane : std::uint8_t { read, write, slow, blocked, count };
  static constexpr auto lane_count = static_cast<std::size_t>(lane::count);

  struct pending {
    store::operation operation;
    deliver_function deliver; // empty once answered
    instant enqueued{};
    instant deadline{};
    unsigned attempts = 0;
    instant not_before{}; // of one that is to run again
    lane from = lane::read;
    std::shared_ptr<void> blocked_on; // while it lives, what needs the same lock is put aside too
  };

  struct worker {
    db_worker_actor handle;
    bool connected = false;
    bool busy = false; // with a batch or a connect
    lane working_on = lane::read;
    instant idle_since{};
    instant checked_at{};                // when the connection was last known to be usable
    instant retry_at{};                  // when not connected: not before
    std::chrono::nanoseconds backoff{0}; // the last one; 0 after a success
    std::uint64_t batch_id = 0;
    std::vector<pending> batch;
  };

  void init(db_pool_actor::stateful_pointer<db_pool_state> owner, db_pool_options opts);

  /// Takes an operation in, or answers it at once.
  void submit(store::operation operation, deliver_function deliver);

  /// Gives work to workers that are free, and makes one more if it is worth it.
  void dispatch();

  void tick();
  void told(const caf::actor_addr& who, db_outcomes& news);
  void worker_died(const caf::actor_addr& who);
  void end_workers();
  pool_stats stats() const;

private:
  using queue = std::deque<pending>;

  bool is_away(instant now) const;
  queue& queue_of(lane which);
  const queue& queue_of(lane which) const;
  std::size_t waiting() const;
  void put_back(pending op);
  void put_aside(pending op);
  std::shared_ptr<void> block(const std::string& key);
  void add_worker();
  void connect(worker& w);
  void connected(const caf::actor_addr& who, const db_connect_result& result);
  void disconnected(worker& w, const std::string& error);
  std::size_t busy_with(lane which) const;
  bool may_serve(lane which, instant now) const;
  bool leaves_a_worker() const;
  lane next_lane() const;
  std::size_t batch_size(lane from) const;
  void send_batch(worker& w, lane from);
  void finished(const caf::actor_addr& who, db_batch_result& result);
  void run_again(std::vector<pending> lost, bool was_sent);
  void end_pauses(instant now);
  void grow(instant now);
  void shrink(instant now);
  void expire(queue& q, instant now);
  void refuse_all(queue& q);
  worker* find(const caf::actor_addr& who);

  db_pool_actor::stateful_pointer<db_pool_state> self_ = nullptr;
  db_pool_options options_;
  std::array<queue, lane_count> queues_;
  std::shared_ptr<std::unordered_map<std::string, std::size_t>> blocked_keys_ =
    std::make_shared<std::unordered_map<std::string, std::size_t>>(); // and how many operations wait for them
  queue pausing_; // to be run again in a moment, in the order of `not_before`
  std::vector<worker> workers_;
  instant last_connected_{}; // when some worker was last seen connected
  std::uint64_t next_batch_id_ = 1;
  bool is_failing_ = false; // some worker could not connect, and none has since
  std::minstd_rand jitter_;
  pool_stats count_;
};

db_pool_actor::behavior_type db_pool(db_pool_actor::stateful_pointer<db_pool_state> self, db_pool_options options);

} // namespace portcullis
