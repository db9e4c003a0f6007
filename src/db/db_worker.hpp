#pragma once

#include "actors/interfaces.hpp"
#include "actors/mailbox_gauge.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <chrono>
#include <functional>

namespace portcullis {

/// How long a statement of the pool waits for a row that somebody has locked before the operation is put aside.
/// Above a commit's time, so that operations that meet by chance wait for each other; far below an operation's.
inline constexpr std::chrono::milliseconds lock_patience{50};

struct db_worker_options {
  db::connect_options connect;
  std::chrono::nanoseconds connection_life_time = std::chrono::minutes{30};
  mailbox_gauge_ptr mailbox{}; // of all workers, or nothing
};

/// Owns one connection. Blocks its thread while a batch is on its way, never beyond the batch's deadline, so it is
/// spawned detached.
struct db_worker_state {
  static inline const char* name = "db_worker";

  using tell_function = std::function<void(db_outcomes&&)>;

  db_batch_result run(const db_batch& batch, const tell_function& tell);
  db_connect_result connect(instant deadline);

  db_worker_options options;
  db::connection connection;
  mailbox_share mailbox;
};

db_worker_actor::behavior_type db_worker(db_worker_actor::stateful_pointer<db_worker_state> self,
                                         db_worker_options options);

} // namespace portcullis
