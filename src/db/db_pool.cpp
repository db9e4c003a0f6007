#include "db/db_pool.hpp"

#include "db/batch_spans.hpp"
#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

namespace {

/// The pool gives up on an operation this long after the worker should have.
constexpr std::chrono::milliseconds worker_grace{500};

failure unavailable() {
  return {errc::database_unavailable, "the database did not answer in time"};
}

} // namespace

void db_pool_state::init(db_pool_actor::stateful_pointer<db_pool_state> owner, db_pool_options opts) {
  self_ = owner;
  options_ = std::move(opts);
  queue_ = db::operation_queue{options_};
  next_seed_ = options_.seed;
  last_connected_ = options_.now();
  workers_.reserve(options_.workers_max);
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.workers_idle_max); ++i)
    add_worker();
}

// -- batches -------------------------------------------------------------------------------------------------

void db_pool_state::submit(store::operation operation, db::queued_operation::deliver_function deliver) {
  auto now = options_.now();
  ++count_.operations;
  if (is_away(now)) {
    ++count_.refused;
    deliver(failure{errc::database_unavailable, "the database cannot be reached"});
    return;
  }
  if (queue_.is_full()) {
    ++count_.refused;
    deliver(failure{errc::overloaded, "too many operations wait for the database"});
    return;
  }
  if (queue_.add(std::move(operation), std::move(deliver), now) == db::lane::blocked)
    ++count_.blocked;
  dispatch();
}

void db_pool_state::dispatch() {
  retire_surplus();
  for (auto& w : workers_) {
    if (!w.is_free())
      continue;
    auto from = queue_.next(options_.now(), load());
    if (!from)
      break;
    send_batch(w, *from);
  }
  grow(options_.now());
}

void db_pool_state::send_batch(worker& w, db::lane from) {
  w.batch = queue_.take_batch(from);
  w.busy = true;
  w.working_on = from;
  w.batch_id = next_batch_id_++;
  db_batch batch;
  batch.id = w.batch_id;
  w.sent_at = options_.now();
  numbers_.sent_batch(w.batch.size());
  w.span = db::start_batch_span(w.batch, w.sent_at);
  batch.deadline = w.batch.front().deadline;
  batch.by_contention = from == db::lane::blocked;
  batch.operations.reserve(w.batch.size());
  for (const auto& op : w.batch) {
    numbers_.waited(w.sent_at - op.enqueued);
    batch.deadline = std::max(batch.deadline, op.deadline);
    batch.operations.push_back(op.operation);
  }
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
    answer(w->batch.at(news.indexes[i]), w->sent_at, std::move(news.outcomes[i]));
}

void db_pool_state::finished(const caf::actor_addr& who, db_batch_result& result) {
  auto* w = find(who);
  if (w == nullptr || w->batch_id != result.id)
    return;
  db::end_batch_span(w->span, result);
  auto lost = settle(std::exchange(w->batch, {}), w->sent_at, result);
  w->busy = false;
  w->working_on.reset();
  w->idle_since = options_.now();
  if (result.connected) {
    w->connected = true;
    last_connected_ = w->idle_since;
  } else {
    disconnected(*w, result.error, result.is_full);
  }
  run_again(std::move(lost), result.was_sent, result.opened_at);
  dispatch();
}

/// Answers a batch, puts aside what is blocked and returns what is lost.
db_pool_state::operations db_pool_state::settle(operations batch, instant sent_at, db_batch_result& result) {
  auto now = options_.now();
  enum class fate : std::uint8_t { known, lost, blocked };
  std::vector<fate> fates(batch.size(), fate::known);
  for (auto index : result.lost)
    fates[index] = fate::lost;
  for (auto index : result.blocked)
    fates[index] = fate::blocked;
  operations lost;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto& op = batch[i];
    if (fates[i] == fate::lost) {
      lost.push_back(std::move(op));
    } else if (fates[i] == fate::blocked && !op.is_answered() && op.deadline > now) {
      ++count_.blocked;
      queue_.put_aside(std::move(op), now);
    } else {
      answer(op, sent_at, std::move(result.outcomes[i]));
    }
  }
  return lost;
}

/// Has operations whose outcome is lost run again. What never reached the server waits at the head of its queue
/// for a connection, however often one could not be made; what did pauses first, and counts as an attempt. Not so
/// when the connection is older than the operation's last loss: what cut that one has mostly cut them all, and an
/// operation may meet each of them.
void db_pool_state::run_again(operations lost, bool was_sent, instant opened_at) {
  auto now = options_.now();
  operations unsent;
  for (auto& op : lost) {
    if (op.is_answered())
      continue;
    if (was_sent && opened_at > op.lost_at) {
      ++op.attempts;
      op.lost_at = now;
    }
    if (op.attempts >= options_.attempts_max || op.deadline <= now || is_away(now)) {
      op.answer(unavailable());
      continue;
    }
    ++count_.retried;
    if (was_sent)
      queue_.pause(std::move(op), now);
    else
      unsent.push_back(std::move(op));
  }
  queue_.put_back(std::move(unsent));
}

/// Answers what a worker keeps to itself for longer than it may.
void db_pool_state::expire_batch(worker& w, instant now) {
  for (auto& op : w.batch)
    if (!op.is_answered() && now >= op.deadline + worker_grace) {
      ++count_.expired;
      op.answer(unavailable());
    }
}

void db_pool_state::answer(db::queued_operation& op, instant sent_at, store::outcome&& with) {
  if (!op.is_answered())
    numbers_.note(op.operation, with, options_.now() - sent_at);
  op.answer(std::move(with));
}

void db_pool_state::answer_unavailable(operations ops) {
  for (auto& op : ops) {
    db::record_vain_wait(op);
    op.answer(unavailable());
  }
}

// -- the workers -------------------------------------------------------------------------------------------

bool db_pool_state::is_away(instant now) const {
  return now - last_connected_ >= options_.away_after && count_connected() == 0;
}

std::size_t db_pool_state::count_connected() const {
  auto n = std::count_if(workers_.begin(), workers_.end(), [](const worker& w) { return w.connected; });
  return static_cast<std::size_t>(n);
}

std::size_t db_pool_state::workers_max() const {
  return options_.now() < limited_until_ ? std::min(options_.workers_max, workers_limit_) : options_.workers_max;
}

db::worker_load db_pool_state::load() const {
  db::worker_load result;
  for (const auto& w : workers_) {
    if (!w.working_on)
      continue;
    ++result.busy[*w.working_on];
    if (*w.working_on == db::lane::write)
      result.writes += w.batch.size();
  }
  // Not the last one that is connected is kept for long, if there can be more than one.
  auto kept = result.busy[db::lane::slow] + result.busy[db::lane::blocked];
  result.leaves_a_worker = workers_max() == 1 || count_connected() >= kept + 2;
  return result;
}

void db_pool_state::add_worker() {
  worker w{options_.spawn_worker(), backoff_options{options_.backoff_min, options_.backoff_max, next_seed_++}};
  self_->monitor(w.handle);
  workers_.push_back(std::move(w));
  connect(workers_.back());
}

void db_pool_state::connect(worker& w) {
  auto now = options_.now();
  w.busy = true;
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
    disconnected(*w, result.error, result.is_full);
    return;
  }
  if (!std::exchange(w->connected, true)) // and not when it was only looked at: that is no use
    w->idle_since = now;
  w->pause.reset();
  w->checked_at = now;
  last_connected_ = now;
  if (std::exchange(is_failing_, false))
    log::info("database connection is back");
  dispatch();
}

void db_pool_state::disconnected(worker& w, const std::string& error, bool is_full) {
  auto now = options_.now();
  if (w.connected)
    last_connected_ = now;
  w.connected = false;
  w.retry_at = now + w.pause.next();
  // Those that are still connecting may have what this one was refused.
  auto others =
    std::count_if(workers_.begin(), workers_.end(), [](const worker& o) { return o.connected || o.busy; });
  if (is_full && others > 0)
    return limit_workers(static_cast<std::size_t>(others));
  if (!std::exchange(is_failing_, true))
    log::warn("database connection unavailable", {{"reason", error}});
}

void db_pool_state::yield() {
  if (auto connected = count_connected(); connected > 1)
    limit_workers(connected - 1);
  retire_surplus();
}

/// The server may have more to give when others have gone, so this holds for a while only.
void db_pool_state::limit_workers(std::size_t most) {
  limited_until_ = options_.now() + options_.full_pause;
  if (std::exchange(workers_limit_, most) != most)
    log::warn("the database has no more connections to give", {{"kept", most}});
}

void db_pool_state::retire_surplus() {
  for (bool is_connected : {false, true}) // those without a connection go first
    for (auto i = workers_.begin(); i != workers_.end() && workers_.size() > workers_max();) {
      bool goes = !i->busy && i->connected == is_connected;
      if (goes)
        end_worker(*i);
      i = goes ? workers_.erase(i) : i + 1;
    }
}

void db_pool_state::worker_died(const caf::actor_addr& who) {
  auto i =
    std::find_if(workers_.begin(), workers_.end(), [&](const worker& w) { return w.handle.address() == who; });
  if (i == workers_.end())
    return;
  log::error("database worker died", {{"operations", i->batch.size()}});
  auto lost = std::move(i->batch);
  workers_.erase(i);
  run_again(std::move(lost), true, instant::max());
  add_worker();
}

void db_pool_state::grow(instant now) {
  if (workers_.size() >= workers_max())
    return;
  // One that is connecting, or cannot connect, is help on its way: a second would not come sooner.
  bool help_is_coming =
    std::any_of(workers_.begin(), workers_.end(), [](const worker& w) { return !w.connected; });
  if (!help_is_coming && queue_.needs_a_worker(now, load()))
    add_worker();
}

void db_pool_state::shrink(instant now) {
  for (auto i = workers_.begin(); workers_.size() > options_.workers_idle_max && i != workers_.end();) {
    if (!i->busy && now - i->idle_since >= options_.shrink_after) {
      end_worker(*i);
      i = workers_.erase(i);
    } else {
      ++i;
    }
  }
}

void db_pool_state::end_workers() {
  for (const auto& w : workers_)
    end_worker(w);
  workers_.clear();
}

void db_pool_state::end_worker(const worker& w) {
  self_->demonitor(w.handle.address());
  self_->send_exit(w.handle, caf::exit_reason::user_shutdown);
}

db_pool_state::worker* db_pool_state::find(const caf::actor_addr& who) {
  auto i =
    std::find_if(workers_.begin(), workers_.end(), [&](const worker& w) { return w.handle.address() == who; });
  return i != workers_.end() ? &*i : nullptr;
}

// -- time ----------------------------------------------------------------------------------------------------

void db_pool_state::tick() {
  auto now = options_.now();
  queue_.end_pauses(now);
  auto over = queue_.take_expired(now);
  count_.expired += over.size();
  answer_unavailable(std::move(over));
  shrink(now); // before the idle ones are looked at, and busy with that
  for (auto& w : workers_) {
    expire_batch(w, now);
    bool is_due = w.connected ? now - w.checked_at >= options_.check_every : now >= w.retry_at;
    if (!w.busy && is_due)
      connect(w);
  }
  if (is_away(now)) {
    count_.refused += queue_.size();
    answer_unavailable(queue_.take_all());
  }
  dispatch();
}

pool_stats db_pool_state::stats() const {
  auto result = count_;
  result.workers = workers_.size();
  result.connected = count_connected();
  for (const auto& w : workers_) {
    result.busy += w.busy ? 1 : 0;
  }
  result.queued = queue_.size();
  return result;
}

metrics::snapshot db_pool_state::numbers() const {
  metrics::snapshot s;
  const metrics::labels pool{{"db.client.connection.pool.name", "main"}};
  const auto now = stats();
  const auto in_state = [&](const char* state) {
    auto labels = pool;
    labels.emplace_back("db.client.connection.state", state);
    return labels;
  };
  std::size_t used = 0;
  for (const auto& w : workers_)
    used += w.connected && w.busy ? 1 : 0;
  s.add("db_client_connections", used, in_state("used"));
  s.add("db_client_connections", now.connected - used, in_state("idle"));
  s.add("db_client_connection_max", options_.workers_max, pool);
  s.add("db_client_connection_idle_max", options_.workers_idle_max, pool);
  s.add("db_client_connection_pending_requests", now.queued, pool);
  s.add("portcullis_db_workers", now.workers);
  s.add("portcullis_db_operations_total", now.operations);
  s.add("portcullis_db_batches_total", now.batches);
  s.add("portcullis_db_operations_refused_total", now.refused);
  s.add("portcullis_db_operations_expired_total", now.expired);
  s.add("portcullis_db_operations_retried_total", now.retried);
  s.add("portcullis_db_operations_blocked_total", now.blocked);
  s.add("portcullis_db_connections", now.connected);
  s.add("portcullis_db_workers_busy", now.busy);
  s.add("portcullis_db_queue", now.queued);
  numbers_.add_to(s);
  return s;
}

} // namespace portcullis
