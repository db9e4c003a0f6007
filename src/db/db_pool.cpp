#include "db/db_pool.hpp"

#include "db/executor.hpp"
#include "telemetry/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace portcullis {

namespace {

/// The pool gives up on an operation this long after the worker should have.
constexpr std::chrono::milliseconds worker_grace{500};

failure unavailable() {
  return {errc::database_unavailable, "the database did not answer in time"};
}

/// The lane of an operation that nothing keeps from being done. Slow is what reads or deletes many rows.
struct lane_chooser {
  using lane = db_pool_state::lane;
  lane operator()(const store::list_accounts&) const {
    return lane::slow;
  }
  lane operator()(const store::count_all&) const {
    return lane::slow;
  }
  lane operator()(const store::reap_guests&) const {
    return lane::slow;
  }
  lane operator()(const store::delete_dead_sessions&) const {
    return lane::slow;
  }
  lane operator()(const store::prune_events&) const {
    return lane::slow;
  }
  template <class Operation>
  lane operator()(const Operation&) const {
    return Operation::is_write ? lane::write : lane::read;
  }
};

void answer(db_pool_state::pending& op, store::outcome&& with) {
  if (op.deliver)
    std::exchange(op.deliver, nullptr)(std::move(with));
}

} // namespace

void db_pool_state::init(db_pool_actor::stateful_pointer<db_pool_state> owner, db_pool_options opts) {
  self_ = owner;
  options_ = std::move(opts);
  jitter_.seed(options_.seed);
  last_connected_ = options_.now();
  workers_.reserve(options_.workers_max);
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.workers_idle_max); ++i)
    add_worker();
}

// -- the queue ---------------------------------------------------------------------------------------------

bool db_pool_state::is_away(instant now) const {
  return now - last_connected_ >= options_.away_after
         && std::none_of(workers_.begin(), workers_.end(), [](const worker& w) { return w.connected; });
}

void db_pool_state::submit(store::operation operation, deliver_function deliver) {
  auto now = options_.now();
  ++count_.operations;
  if (is_away(now)) {
    ++count_.refused;
    deliver(failure{errc::database_unavailable, "the database cannot be reached"});
    return;
  }
  if (waiting() >= options_.queue_max) {
    ++count_.refused;
    deliver(failure{errc::overloaded, "too many operations wait for the database"});
    return;
  }
  pending op{std::move(operation), std::move(deliver), now, now + options_.operation_timeout, 0, now, {}, {}};
  op.from = std::visit(lane_chooser{}, op.operation);
  if (!blocked_keys_->empty() && op.from == lane::write
      && blocked_keys_->count(db::contention_key(op.operation)) != 0)
    put_aside(std::move(op));
  else
    queue_of(op.from).push_back(std::move(op));
  dispatch();
}

db_pool_state::queue& db_pool_state::queue_of(lane which) {
  return queues_[static_cast<std::size_t>(which)];
}

const db_pool_state::queue& db_pool_state::queue_of(lane which) const {
  return queues_[static_cast<std::size_t>(which)];
}

std::size_t db_pool_state::waiting() const {
  auto sum = pausing_.size();
  for (const auto& q : queues_)
    sum += q.size();
  return sum;
}

/// At the head of its queue: it waits already.
void db_pool_state::put_back(pending op) {
  queue_of(op.from).push_front(std::move(op));
}

/// Into the lane of what is blocked, to be tried after a moment.
void db_pool_state::put_aside(pending op) {
  ++count_.blocked;
  op.from = lane::blocked;
  op.not_before = options_.now() + options_.blocked_again_after;
  if (op.blocked_on == nullptr)
    op.blocked_on = block(db::contention_key(op.operation));
  queue_of(lane::blocked).push_back(std::move(op));
}

/// Notes that an operation waits for `key`, for as long as the result lives.
std::shared_ptr<void> db_pool_state::block(const std::string& key) {
  if (key.empty())
    return nullptr;
  ++(*blocked_keys_)[key];
  return {nullptr, [keys = blocked_keys_, key](void*) {
            if (auto found = keys->find(key); --found->second == 0)
              keys->erase(found);
          }};
}

void db_pool_state::dispatch() {
  for (auto& w : workers_) {
    if (!w.connected || w.busy)
      continue;
    auto from = next_lane();
    if (from == lane::count)
      break;
    send_batch(w, from);
  }
  grow(options_.now());
}

std::size_t db_pool_state::busy_with(lane which) const {
  return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(),
                                                [&](const worker& w) { return w.busy && w.working_on == which; }));
}

/// Whether another worker may be kept for long: not the last one that is connected, if there can be more than one.
bool db_pool_state::leaves_a_worker() const {
  auto connected = static_cast<std::size_t>(
    std::count_if(workers_.begin(), workers_.end(), [](const worker& w) { return w.connected; }));
  return options_.workers_max == 1 || connected >= busy_with(lane::slow) + busy_with(lane::blocked) + 2;
}

bool db_pool_state::may_serve(lane which, instant now) const {
  const auto& q = queue_of(which);
  if (q.empty())
    return false;
  switch (which) {
  case lane::read:
    return true;
  case lane::write:
    return busy_with(which) < options_.write_lanes || q.size() >= options_.batch_max;
  case lane::slow:
    return busy_with(which) == 0 && leaves_a_worker();
  case lane::blocked:
    return q.front().not_before <= now && busy_with(which) == 0 && leaves_a_worker();
  case lane::count:
    break;
  }
  return false;
}

/// The lane whose head has waited longest; `count` when there is none.
db_pool_state::lane db_pool_state::next_lane() const {
  auto now = options_.now();
  auto best = lane::count;
  for (auto which : {lane::read, lane::write, lane::slow, lane::blocked})
    if (may_serve(which, now)
        && (best == lane::count || queue_of(which).front().enqueued < queue_of(best).front().enqueued))
      best = which;
  return best;
}

std::size_t db_pool_state::batch_size(lane from) const {
  switch (from) {
  case lane::slow:
    return 1;
  case lane::blocked:
    return std::min(options_.batch_max, options_.blocked_batch_max);
  default:
    return options_.batch_max;
  }
}

void db_pool_state::send_batch(worker& w, lane from) {
  auto& q = queue_of(from);
  auto size = std::min(q.size(), batch_size(from));
  db_batch batch;
  batch.id = next_batch_id_++;
  batch.deadline = q.front().deadline;
  batch.by_contention = from == lane::blocked;
  batch.operations.reserve(size);
  w.batch.clear();
  w.batch.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    auto& op = q.front();
    batch.deadline = std::max(batch.deadline, op.deadline);
    batch.operations.push_back(op.operation);
    w.batch.push_back(std::move(op));
    q.pop_front();
  }
  w.busy = true;
  w.working_on = from;
  w.batch_id = batch.id;
  ++count_.batches;
  auto who = w.handle.address();
  self_->request(w.handle, caf::infinite, std::move(batch))
    .then([this, who](db_batch_result& result) { finished(who, result); },
          [](const caf::error&) {
            // The worker died: its down message says the same.
          });
}

void db_pool_state::told(const caf::actor_addr& who, db_outcomes& news) {
  auto* w = find(who);
  if (w == nullptr || w->batch_id != news.id)
    return;
  for (std::size_t i = 0; i < news.indexes.size(); ++i)
    answer(w->batch.at(news.indexes[i]), std::move(news.outcomes[i]));
}

void db_pool_state::finished(const caf::actor_addr& who, db_batch_result& result) {
  auto* w = find(who);
  if (w == nullptr || w->batch_id != result.id)
    return;
  auto batch = std::exchange(w->batch, {});
  w->busy = false;
  w->idle_since = options_.now();
  enum class fate : std::uint8_t { known, lost, blocked };
  std::vector<fate> fates(batch.size(), fate::known);
  for (auto index : result.lost)
    fates[index] = fate::lost;
  for (auto index : result.blocked)
    fates[index] = fate::blocked;
  std::vector<pending> lost;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (fates[i] == fate::lost)
      lost.push_back(std::move(batch[i]));
    else if (fates[i] == fate::blocked && batch[i].deliver && batch[i].deadline > w->idle_since)
      put_aside(std::move(batch[i]));
    else
      answer(batch[i], std::move(result.outcomes[i]));
  }
  if (result.connected) {
    w->connected = true;
    last_connected_ = options_.now();
  } else {
    disconnected(*w, result.error);
  }
  run_again(std::move(lost), result.was_sent);
  dispatch();
}

/// Has operations whose outcome is lost run again. What never reached the server waits at the head of its queue
/// for a connection, however often one could not be made; what did counts as an attempt, and pauses first.
void db_pool_state::run_again(std::vector<pending> lost, bool was_sent) {
  auto now = options_.now();
  std::vector<pending> unsent;
  for (auto& op : lost) {
    if (!op.deliver)
      continue;
    op.attempts += was_sent ? 1 : 0;
    if (op.attempts >= options_.attempts_max || op.deadline <= now || is_away(now)) {
      answer(op, unavailable());
      continue;
    }
    ++count_.retried;
    if (!was_sent) {
      unsent.push_back(std::move(op));
      continue;
    }
    op.not_before = now + options_.run_again_after;
    pausing_.push_back(std::move(op));
  }
  // Backwards, so that they keep their order.
  for (; !unsent.empty(); unsent.pop_back())
    put_back(std::move(unsent.back()));
}

void db_pool_state::end_pauses(instant now) {
  auto due =
    std::find_if(pausing_.begin(), pausing_.end(), [&](const pending& op) { return op.not_before > now; });
  for (auto op = std::make_reverse_iterator(due); op != pausing_.rend(); ++op)
    put_back(std::move(*op));
  pausing_.erase(pausing_.begin(), due);
}

// -- the workers -------------------------------------------------------------------------------------------

void db_pool_state::add_worker() {
  worker w;
  w.handle = options_.spawn_worker();
  self_->monitor(w.handle);
  workers_.push_back(std::move(w));
  connect(workers_.back());
}

void db_pool_state::connect(worker& w) {
  auto now = options_.now();
  w.busy = true;
  w.working_on = lane::read;
  auto who = w.handle.address();
  self_->request(w.handle, caf::infinite, db_connect{now + options_.operation_timeout})
    .then([this, who](const db_connect_result& result) { connected(who, result); }, [](const caf::error&) {});
}

void db_pool_state::connected(const caf::actor_addr& who, const db_connect_result& result) {
  auto* w = find(who);
  if (w == nullptr)
    return;
  auto now = options_.now();
  w->busy = false;
  if (!result.connected) {
    disconnected(*w, result.error);
    return;
  }
  if (!std::exchange(w->connected, true)) // and not when it was only looked at: that is no use
    w->idle_since = now;
  w->backoff = std::chrono::nanoseconds{0};
  w->checked_at = now;
  last_connected_ = now;
  if (std::exchange(is_failing_, false))
    log::info("database connection is back");
  dispatch();
}

void db_pool_state::disconnected(worker& w, const std::string& error) {
  auto now = options_.now();
  if (w.connected)
    last_connected_ = now;
  w.connected = false;
  w.backoff = std::clamp(w.backoff * 2, options_.backoff_min, options_.backoff_max);
  std::uniform_real_distribution<double> spread{0.5, 1.0};
  w.retry_at = now
               + std::chrono::nanoseconds{
                 static_cast<std::int64_t>(spread(jitter_) * static_cast<double>(w.backoff.count()))};
  if (!std::exchange(is_failing_, true))
    log::warn("database connection unavailable", {{"reason", error}});
}

void db_pool_state::worker_died(const caf::actor_addr& who) {
  auto i =
    std::find_if(workers_.begin(), workers_.end(), [&](const worker& w) { return w.handle.address() == who; });
  if (i == workers_.end())
    return;
  log::error("database worker died", {{"operations", i->batch.size()}});
  auto lost = std::move(i->batch);
  workers_.erase(i);
  run_again(std::move(lost), true);
  add_worker();
}

void db_pool_state::grow(instant now) {
  if (workers_.size() >= options_.workers_max)
    return;
  auto waits = [&](lane which) {
    const auto& q = queue_of(which);
    if (which == lane::slow || which == lane::blocked) // more workers help only if there are too few for one
      return !q.empty() && busy_with(which) == 0 && q.front().not_before <= now && !leaves_a_worker();
    return q.size() >= options_.batch_max || (!q.empty() && now - q.front().enqueued >= options_.grow_after);
  };
  // One that is connecting, or cannot connect, is help on its way: a second would not come sooner.
  bool help_is_coming =
    std::any_of(workers_.begin(), workers_.end(), [](const worker& w) { return !w.connected; });
  if (!help_is_coming && (waits(lane::read) || waits(lane::write) || waits(lane::slow) || waits(lane::blocked)))
    add_worker();
}

void db_pool_state::shrink(instant now) {
  for (auto i = workers_.begin(); workers_.size() > options_.workers_idle_max && i != workers_.end();) {
    if (!i->busy && now - i->idle_since >= options_.shrink_after) {
      self_->demonitor(i->handle.address());
      self_->send_exit(i->handle, caf::exit_reason::user_shutdown);
      i = workers_.erase(i);
    } else {
      ++i;
    }
  }
}

void db_pool_state::end_workers() {
  for (auto& w : workers_) {
    self_->demonitor(w.handle.address());
    self_->send_exit(w.handle, caf::exit_reason::user_shutdown);
  }
  workers_.clear();
}

db_pool_state::worker* db_pool_state::find(const caf::actor_addr& who) {
  auto i =
    std::find_if(workers_.begin(), workers_.end(), [&](const worker& w) { return w.handle.address() == who; });
  return i != workers_.end() ? &*i : nullptr;
}

// -- time --------------------------------------------------------------------------------------------------

void db_pool_state::tick() {
  auto now = options_.now();
  end_pauses(now);
  for (auto& q : queues_)
    expire(q, now);
  shrink(now); // before the idle ones are looked at, and busy with that
  for (auto& w : workers_) {
    for (auto& op : w.batch)
      if (op.deliver && now >= op.deadline + worker_grace) {
        ++count_.expired;
        answer(op, unavailable());
      }
    bool is_due = w.connected ? now - w.checked_at >= options_.check_every : now >= w.retry_at;
    if (!w.busy && is_due)
      connect(w);
  }
  if (is_away(now)) {
    for (auto& q : queues_)
      refuse_all(q);
    refuse_all(pausing_);
  }
  dispatch();
}

void db_pool_state::expire(queue& q, instant now) {
  auto is_over = [now](const pending& op) { return op.deadline <= now; };
  // What is put aside or put back stands in no order of deadlines.
  if (std::none_of(q.begin(), q.end(), is_over))
    return;
  auto gone = std::stable_partition(q.begin(), q.end(), [&](const pending& op) { return !is_over(op); });
  count_.expired += static_cast<std::size_t>(q.end() - gone);
  for (auto op = gone; op != q.end(); ++op)
    answer(*op, unavailable());
  q.erase(gone, q.end());
}

void db_pool_state::refuse_all(queue& q) {
  count_.refused += q.size();
  for (auto& op : q)
    answer(op, unavailable());
  q.clear();
}

pool_stats db_pool_state::stats() const {
  auto result = count_;
  result.workers = workers_.size();
  for (auto& w : workers_) {
    result.connected += w.connected ? 1 : 0;
    result.busy += w.busy ? 1 : 0;
  }
  result.queued = waiting();
  return result;
}

// -- the behaviour -----------------------------------------------------------------------------------------

namespace {

metrics::snapshot to_snapshot(const pool_stats& pool) {
  metrics::snapshot s;
  s.gauge("portcullis_db_workers", "Database workers.", pool.workers);
  s.gauge("portcullis_db_connections", "Database workers with a connection.", pool.connected);
  s.gauge("portcullis_db_workers_busy", "Database workers with a batch on its way.", pool.busy);
  s.gauge("portcullis_db_queue", "Operations waiting for a worker.", pool.queued);
  s.counter("portcullis_db_operations_total", "Operations taken in.", pool.operations);
  s.counter("portcullis_db_batches_total", "Round trips.", pool.batches);
  s.counter("portcullis_db_operations_refused_total",
            "Operations turned away: the queue was full or the database away.", pool.refused);
  s.counter("portcullis_db_operations_expired_total", "Operations not answered within the operation time-out.",
            pool.expired);
  s.counter("portcullis_db_operations_retried_total", "Operations run again after a lost connection.",
            pool.retried);
  return s;
}

/// The handler of one kind of operation: a promise kept when the operation's outcome is known.
template <class Operation>
auto handler(db_pool_actor::stateful_pointer<db_pool_state> self) {
  using result_type = typename Operation::result;
  return [self](const Operation& operation) -> caf::result<result_type> {
    auto promise = self->template make_response_promise<result_type>();
    self->state.submit(store::operation{operation}, [promise](store::outcome&& outcome) mutable {
      if (auto* what = std::get_if<failure>(&outcome))
        promise.deliver(to_caf(std::move(*what)));
      else
        promise.deliver(std::get<result_type>(std::move(outcome)));
    });
    return promise;
  };
}

} // namespace

db_pool_actor::behavior_type db_pool(db_pool_actor::stateful_pointer<db_pool_state> self,
                                     db_pool_options options) {
  auto tick = options.tick;
  self->state.init(self, std::move(options));
  self->set_down_handler([self](const caf::down_msg& down) { self->state.worker_died(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.end_workers();
    self->quit(exit.reason);
  });
  self->delayed_send(self, tick, tick_atom_v);
  return {
    handler<store::find_session>(self),
    handler<store::mint_session>(self),
    handler<store::mint_for_identity>(self),
    handler<store::mint_guest>(self),
    handler<store::revoke_session>(self),
    handler<store::revoke_account>(self),
    handler<store::get_session>(self),
    handler<store::list_sessions>(self),
    handler<store::find_or_create_account>(self),
    handler<store::create_guest>(self),
    handler<store::get_account>(self),
    handler<store::find_account>(self),
    handler<store::delete_account>(self),
    handler<store::link_identity>(self),
    handler<store::unlink_identity>(self),
    handler<store::set_display_name>(self),
    handler<store::seat_player>(self),
    handler<store::unseat_player>(self),
    handler<store::unseat_game>(self),
    handler<store::list_accounts>(self),
    handler<store::count_all>(self),
    handler<store::read_clock>(self),
    handler<store::reap_guests>(self),
    handler<store::delete_dead_sessions>(self),
    handler<store::delete_dead_generations>(self),
    handler<store::prune_events>(self),
    handler<store::read_events>(self),
    handler<store::ping>(self),
    [self](const read_pool_stats&) { return self->state.stats(); },
    [self](const read_numbers&) { return all_numbers{to_snapshot(self->state.stats())}; },
    [self](db_outcomes& news) {
      self->state.told(caf::actor_cast<caf::actor_addr>(self->current_sender()), news);
    },
    [self, tick](tick_atom) {
      self->state.tick();
      self->delayed_send(self, tick, tick_atom_v);
    },
  };
}

} // namespace portcullis
