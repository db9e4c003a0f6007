#pragma once

#include "actors/interfaces.hpp"
#include "core/backoff.hpp"
#include "core/time.hpp"
#include "db/operation_queue.hpp"
#include "db/pool_limits.hpp"
#include "db/pool_numbers.hpp"
#include "telemetry/tracing.hpp"

#include <caf/actor_addr.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace portcullis {

struct db_pool_options : db_pool_limits {
  std::uint32_t seed = 1; // of the backoff's jitter
  std::function<instant()> now = boot_clock::now;
  std::function<db_worker_actor()> spawn_worker;
};

/// The queue and the workers.
///
/// A worker that is free takes a batch from the queue; what waits while all are busy makes the next batch larger,
/// so the batch size follows the load by itself.
///
/// Every operation is answered: with its outcome, with `overloaded` at once when the queue is full, with
/// `database_unavailable` at its deadline, or at once while the database has been away for `away_after`.
/// One whose outcome was lost with its connection is run again (all are repeatable) until its deadline, a moment
/// later: what cut one connection has mostly cut them all, and the others are known to be dead by then.
class db_pool_state {
public:
  static inline const char* name = "db_pool";

  /// Made by the behaviour, since CAF makes the state without arguments.
  void init(db_pool_actor::stateful_pointer<db_pool_state> owner, db_pool_options opts);

  /// Takes an operation in, or answers it at once.
  void submit(store::operation operation, db::queued_operation::deliver_function deliver);

  void tick();

  /// Gives a connection back, and asks for no more of them for a while; the last one is kept.
  void yield();

  void told(const caf::actor_addr& who, db_outcomes& news);
  void worker_died(const caf::actor_addr& who);
  void end_workers();
  pool_stats stats() const;
  metrics::snapshot numbers() const;

private:
  using operations = db::operation_queue::operations;

  struct worker {
    worker(db_worker_actor actor, const backoff_options& opts) : handle(std::move(actor)), pause(opts) {}

    bool is_free() const {
      return connected && !busy;
    }

    db_worker_actor handle;
    bool connected = false;
    bool busy = false;                  // with a batch or a connect
    std::optional<db::lane> working_on; // of its batch
    instant idle_since{};
    instant checked_at{}; // when the connection was last known to be usable
    instant retry_at{};   // when not connected: not before
    backoff pause;
    std::uint64_t batch_id = 0;
    instant sent_at{}; // its batch
    operations batch;
    tracing::span span; // its batch's
  };

  // -- batches ---------------------------------------------------------------------------------------------

  /// Gives work to workers that are free, and makes one more if it is worth it.
  void dispatch();

  void send_batch(worker& w, db::lane from);
  void finished(const caf::actor_addr& who, db_batch_result& result);
  operations settle(operations batch, instant sent_at, db_batch_result& result);
  void run_again(operations lost, bool was_sent, instant opened_at);
  void expire_batch(worker& w, instant now);
  void answer_unavailable(operations ops);

  /// Tells an outcome that a worker has brought, and notes it.
  void answer(db::queued_operation& op, instant sent_at, store::outcome&& with);

  // -- workers ---------------------------------------------------------------------------------------------

  worker* find(const caf::actor_addr& who);
  bool is_away(instant now) const;
  db::worker_load load() const;
  void add_worker();
  void connect(worker& w);
  void connected(const caf::actor_addr& who, const db_connect_result& result);
  void disconnected(worker& w, const std::string& error, bool is_full);
  std::size_t count_connected() const;
  std::size_t workers_max() const;
  void limit_workers(std::size_t most);
  void retire_surplus();
  void grow(instant now);
  void shrink(instant now);
  void end_worker(const worker& w);

  db_pool_actor::stateful_pointer<db_pool_state> self_ = nullptr;
  db_pool_options options_;
  db::operation_queue queue_;
  std::vector<worker> workers_;
  instant last_connected_{};      // when some worker was last seen connected
  std::size_t workers_limit_ = 0; // that the server allowed when it had no connection left
  instant limited_until_ = instant::min();
  std::uint64_t next_batch_id_ = 1;
  bool is_failing_ = false;     // some worker could not connect, and none has since
  std::uint64_t next_seed_ = 0; // of a worker's jitter
  pool_stats count_;
  db::pool_numbers numbers_;
};

db_pool_actor::behavior_type db_pool(db_pool_actor::stateful_pointer<db_pool_state> self, db_pool_options options);

} // namespace portcullis
