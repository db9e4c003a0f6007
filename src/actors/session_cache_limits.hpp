#pragma once

#include "core/session_memory.hpp"

#include <chrono>
#include <cstddef>

namespace portcullis {

/// Every bound of the cache.
struct session_cache_limits {
  session_memory::options memory;
  std::size_t loads_max = 10'000; // loads at one time
  unsigned load_attempts_max = 3; // a load overtaken by revocations is run again this often
  /// One turn of clean-up, so that requests are served in between: about a tenth of a millisecond.
  std::size_t reclaim_steps_max = 256;
  std::chrono::nanoseconds reclaim_pause = std::chrono::milliseconds{1}; // between two turns
  /// So long after the end of the lease, what is held as live is answered as live when it cannot be loaded.
  std::chrono::nanoseconds fail_static{0};
};

} // namespace portcullis
