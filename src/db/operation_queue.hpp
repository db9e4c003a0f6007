#pragma once

#include "core/operations.hpp"
#include "core/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace portcullis::db {

/// Operations wait in lanes, so that a look-up never waits for somebody else's commit, nor anything quick for what
/// takes long. In `blocked` is what somebody else's lock keeps from being done.
enum class lane : std::uint8_t { read, write, slow, blocked };
inline constexpr std::array all_lanes{lane::read, lane::write, lane::slow, lane::blocked};

/// One value for each lane.
template <class T>
class by_lane {
public:
  T& operator[](lane which) {
    return values_[static_cast<std::size_t>(which)];
  }
  const T& operator[](lane which) const {
    return values_[static_cast<std::size_t>(which)];
  }

private:
  std::array<T, all_lanes.size()> values_{};
};

/// What the workers are busy with, while a batch is chosen.
struct worker_load {
  by_lane<std::size_t> busy;    // with a batch of that lane
  std::size_t writes = 0;       // operations in the batches of writes
  bool leaves_a_worker = false; // whether another worker may be kept for long
};

struct operation_queue_options {
  std::size_t write_lanes = 4; // write batches on their way while the queue is short: fewer lanes, larger commits
  // How long a write waits for a larger batch. Then it goes when the queue is next looked at: another operation
  // comes, a batch is back, or at the pool's tick.
  std::chrono::nanoseconds join_within = std::chrono::milliseconds{10};
  std::size_t queue_max = 10'000;     // operations waiting
  std::size_t batch_max = 256;        // operations in one round trip
  std::size_t blocked_batch_max = 32; // a lock that is still held costs the lane its wait
  std::chrono::nanoseconds operation_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds grow_after = std::chrono::milliseconds{20}; // a wait this long asks for a worker more
  std::chrono::nanoseconds blocked_again_after = std::chrono::milliseconds{50}; // whether its lock is free by now
  std::chrono::nanoseconds run_again_after =
    std::chrono::milliseconds{10}; // at the next tick that is so much later
};

/// An operation and what is known of its way so far.
struct queued_operation {
  using deliver_function = std::function<void(store::outcome&&)>;

  bool is_answered() const {
    return deliver == nullptr;
  }

  /// Tells the outcome, once: what comes after the first goes nowhere.
  void answer(store::outcome&& with);

  store::operation operation;
  deliver_function deliver; // empty once answered
  instant enqueued{};
  instant deadline{};
  unsigned attempts = 0;
  instant lost_at = instant::min(); // the last of them
  instant not_before{};             // of one that is to run again
  lane from = lane::read;
  std::shared_ptr<void> blocked_on; // while it lives, what needs the same lock is put aside too
};

/// The locks that operations were put aside for.
class blocked_keys {
public:
  /// Notes that an operation waits for `key`, for as long as the result lives. Null for an empty key: it is not
  /// known what the operation waits for.
  std::shared_ptr<void> hold(const std::string& key);

  bool empty() const;
  bool contains(const std::string& key) const;

private:
  using counts = std::unordered_map<std::string, std::size_t>;

  std::shared_ptr<counts> counts_ = std::make_shared<counts>(); // how many operations wait for each
};

/// The operations that wait for a worker.
///
/// The lane whose head has waited longest is served next. What is blocked is put aside into a lane of its own, and
/// with it what needs the same lock; there it is tried again until its deadline. So a row that is held for long
/// costs the others one short wait, and not every time. The lanes for what is slow and what is blocked have one
/// worker each, and never the last one.
///
/// It answers nobody: what is over is handed out for that.
class operation_queue {
public:
  using operations = std::vector<queued_operation>;

  explicit operation_queue(const operation_queue_options& options = {});

  // -- what waits ------------------------------------------------------------------------------------------

  std::size_t size() const;
  bool is_full() const;

  /// The lane that a free worker should take a batch from.
  std::optional<lane> next(instant now, const worker_load& load) const;

  /// Whether something waits so long, or in such numbers, that one more worker would help.
  bool needs_a_worker(instant now, const worker_load& load) const;

  // -- in --------------------------------------------------------------------------------------------------

  /// Returns the lane it went into: `blocked` when others wait for the same lock.
  lane add(store::operation operation, queued_operation::deliver_function deliver, instant now);

  /// To the heads of their lanes, in their order: they have waited already.
  void put_back(operations ops);

  /// Into the lane of what is blocked, to be tried after a moment.
  void put_aside(queued_operation op, instant now);

  /// To be put back after a moment.
  void pause(queued_operation op, instant now);

  /// Puts back what has paused for long enough.
  void end_pauses(instant now);

  // -- out -------------------------------------------------------------------------------------------------

  /// The next batch of a lane, oldest first.
  operations take_batch(lane from);

  /// What has reached its deadline in a lane. What pauses is looked at when it is back in one.
  operations take_expired(instant now);

  operations take_all();

private:
  using queue = std::deque<queued_operation>;

  bool may_serve(lane which, instant now, const worker_load& load) const;
  bool is_worth_a_commit(const queue& writes, instant now, const worker_load& load) const;
  bool needs_a_worker(lane which, instant now, const worker_load& load) const;
  std::size_t batch_max(lane from) const;
  bool is_blocked(const queued_operation& op) const;

  operation_queue_options options_;
  by_lane<queue> lanes_;
  queue pausing_; // to be run again in a moment, in the order of `not_before`
  blocked_keys blocked_;
};

} // namespace portcullis::db
