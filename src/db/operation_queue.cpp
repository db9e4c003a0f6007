#include "db/operation_queue.hpp"

#include "db/executor.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

namespace portcullis::db {

namespace {

/// The lane of an operation that nothing keeps from being done. Slow is what reads or deletes many rows.
struct lane_chooser {
  lane operator()(const store::list_accounts&) const {
    return lane::slow;
  }
  lane operator()(const store::count_all&) const {
    return lane::slow;
  }
  lane operator()(const store::list_audit&) const {
    return lane::slow;
  }
  lane operator()(const store::reap_guests&) const {
    return lane::slow;
  }
  lane operator()(const store::delete_dead_sessions&) const {
    return lane::slow;
  }
  lane operator()(const store::delete_dead_generations&) const {
    return lane::slow;
  }
  lane operator()(const store::delete_expired_sessions&) const {
    return lane::slow;
  }
  lane operator()(const store::prune_events&) const {
    return lane::slow;
  }
  lane operator()(const store::prune_audit&) const {
    return lane::slow;
  }
  lane operator()(const store::count_selected&) const {
    return lane::slow;
  }
  lane operator()(const store::work_on_revocation_jobs&) const {
    return lane::slow;
  }
  template <class Operation>
  lane operator()(const Operation&) const {
    return Operation::is_write ? lane::write : lane::read;
  }
};

/// One operation's share in the count of a key.
class held_key {
public:
  using counts_ptr = std::shared_ptr<std::unordered_map<std::string, std::size_t>>;

  held_key(counts_ptr counts, std::string key) : counts_(std::move(counts)), key_(std::move(key)) {
    ++(*counts_)[key_];
  }
  ~held_key() {
    if (auto found = counts_->find(key_); --found->second == 0)
      counts_->erase(found);
  }
  held_key(const held_key&) = delete;
  held_key& operator=(const held_key&) = delete;

private:
  counts_ptr counts_;
  std::string key_;
};

template <class Queue>
void move_all(Queue& from, operation_queue::operations& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
  from.clear();
}

} // namespace

void queued_operation::answer(store::outcome&& with) {
  if (deliver)
    std::exchange(deliver, nullptr)(std::move(with));
}

// -- the locks that are waited for ---------------------------------------------------------------------------

std::shared_ptr<void> blocked_keys::hold(const std::string& key) {
  if (key.empty())
    return nullptr;
  return std::make_shared<held_key>(counts_, key);
}

bool blocked_keys::empty() const {
  return counts_->empty();
}

bool blocked_keys::contains(const std::string& key) const {
  return counts_->count(key) != 0;
}

// -- what waits ----------------------------------------------------------------------------------------------

operation_queue::operation_queue(const operation_queue_options& options) : options_(options) {}

std::size_t operation_queue::size() const {
  auto sum = pausing_.size();
  for (auto which : all_lanes)
    sum += lanes_[which].size();
  return sum;
}

bool operation_queue::is_full() const {
  return size() >= options_.queue_max;
}

std::optional<lane> operation_queue::next(instant now, const worker_load& load) const {
  std::optional<lane> best;
  for (auto which : all_lanes)
    if (may_serve(which, now, load) && (!best || lanes_[which].front().enqueued < lanes_[*best].front().enqueued))
      best = which;
  return best;
}

bool operation_queue::may_serve(lane which, instant now, const worker_load& load) const {
  const auto& q = lanes_[which];
  if (q.empty())
    return false;
  switch (which) {
  case lane::read:
    return true;
  case lane::write:
    return q.size() >= options_.batch_max
           || (load.busy[which] < options_.write_lanes && is_worth_a_commit(q, now, load));
  case lane::slow:
    return load.busy[which] == 0 && load.leaves_a_worker;
  case lane::blocked:
    return q.front().not_before <= now && load.busy[which] == 0 && load.leaves_a_worker;
  }
  return false;
}

/// Clients that have their answers ask again at once. If the first of them left alone, the others would wait for
/// its commit. So the next batch waits until it is twice as large as all that are under way, or one of those is
/// back. A single write holds up no other.
bool operation_queue::is_worth_a_commit(const queue& writes, instant now, const worker_load& load) const {
  const auto enough = load.writes <= 1 ? load.writes : 2 * load.writes;
  return writes.size() >= enough || now - writes.front().enqueued >= options_.join_within;
}

bool operation_queue::needs_a_worker(instant now, const worker_load& load) const {
  return std::any_of(all_lanes.begin(), all_lanes.end(),
                     [&](lane which) { return needs_a_worker(which, now, load); });
}

bool operation_queue::needs_a_worker(lane which, instant now, const worker_load& load) const {
  const auto& q = lanes_[which];
  if (q.empty())
    return false;
  if (which == lane::slow || which == lane::blocked) // more workers help only if there are too few for one
    return load.busy[which] == 0 && q.front().not_before <= now && !load.leaves_a_worker;
  return q.size() >= options_.batch_max || now - q.front().enqueued >= options_.grow_after;
}

// -- in ------------------------------------------------------------------------------------------------------

lane operation_queue::add(store::operation operation, queued_operation::deliver_function deliver, instant now) {
  queued_operation op;
  op.from = std::visit(lane_chooser{}, operation);
  op.operation = std::move(operation);
  op.deliver = std::move(deliver);
  op.enqueued = now;
  op.deadline = now + options_.operation_timeout;
  op.not_before = now;
  if (is_blocked(op)) {
    put_aside(std::move(op), now);
    return lane::blocked;
  }
  const auto into = op.from;
  lanes_[into].push_back(std::move(op));
  return into;
}

bool operation_queue::is_blocked(const queued_operation& op) const {
  return !blocked_.empty() && op.from == lane::write && blocked_.contains(contention_key(op.operation));
}

void operation_queue::put_back(operations ops) {
  for (auto op = ops.rbegin(); op != ops.rend(); ++op)
    lanes_[op->from].push_front(std::move(*op));
}

void operation_queue::put_aside(queued_operation op, instant now) {
  op.from = lane::blocked;
  op.not_before = now + options_.blocked_again_after;
  if (op.blocked_on == nullptr)
    op.blocked_on = blocked_.hold(contention_key(op.operation));
  lanes_[lane::blocked].push_back(std::move(op));
}

void operation_queue::pause(queued_operation op, instant now) {
  op.not_before = now + options_.run_again_after;
  pausing_.push_back(std::move(op));
}

void operation_queue::end_pauses(instant now) {
  auto due = std::find_if(pausing_.begin(), pausing_.end(), [&](const auto& op) { return op.not_before > now; });
  put_back({std::make_move_iterator(pausing_.begin()), std::make_move_iterator(due)});
  pausing_.erase(pausing_.begin(), due);
}

// -- out -----------------------------------------------------------------------------------------------------

std::size_t operation_queue::batch_max(lane from) const {
  switch (from) {
  case lane::slow:
    return 1;
  case lane::blocked:
    return std::min(options_.batch_max, options_.blocked_batch_max);
  default:
    return options_.batch_max;
  }
}

operation_queue::operations operation_queue::take_batch(lane from) {
  auto& q = lanes_[from];
  const auto end = q.begin() + static_cast<std::ptrdiff_t>(std::min(q.size(), batch_max(from)));
  operations batch{std::make_move_iterator(q.begin()), std::make_move_iterator(end)};
  q.erase(q.begin(), end);
  return batch;
}

operation_queue::operations operation_queue::take_expired(instant now) {
  operations over;
  const auto is_over = [now](const queued_operation& op) { return op.deadline <= now; };
  for (auto which : all_lanes) {
    auto& q = lanes_[which];
    // What is put aside or put back stands in no order of deadlines.
    if (std::none_of(q.begin(), q.end(), is_over))
      continue;
    auto gone = std::stable_partition(q.begin(), q.end(), [&](const auto& op) { return !is_over(op); });
    std::move(gone, q.end(), std::back_inserter(over));
    q.erase(gone, q.end());
  }
  return over;
}

operation_queue::operations operation_queue::take_all() {
  operations all;
  all.reserve(size());
  for (auto which : all_lanes)
    move_all(lanes_[which], all);
  move_all(pausing_, all);
  return all;
}

} // namespace portcullis::db
