#pragma once

#include "db/operation_queue.hpp"

#include <chrono>
#include <cstddef>

namespace portcullis {

/// Every bound of the pool, and of the queue before it.
struct db_pool_limits : db::operation_queue_options {
  std::size_t workers_max = 25;     // connections under load
  std::size_t workers_idle_max = 5; // of them kept when idle; also those made at the start
  std::chrono::nanoseconds shrink_after = std::chrono::seconds{30}; // idle this long, a worker too many goes
  std::chrono::nanoseconds away_after = std::chrono::seconds{1};    // no connection for so long: refuse at once
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{2};
  std::chrono::nanoseconds full_pause = std::chrono::seconds{5}; // the server had no connection left: ask for none
  std::chrono::nanoseconds check_every = std::chrono::seconds{1}; // an idle connection is looked at this often
  std::chrono::milliseconds tick = std::chrono::milliseconds{50};
  unsigned attempts_max =
    8; // an operation whose outcome was lost with its connection is run again, within its deadline
};

} // namespace portcullis
