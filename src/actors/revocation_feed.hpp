#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_source.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace portcullis {

struct revocation_feed_options {
  std::chrono::nanoseconds poll_interval = std::chrono::milliseconds{100};
  std::chrono::nanoseconds operation_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds warm_timeout = std::chrono::minutes{5};
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{1};
  std::size_t warm_entries_max = 1'000'000;
  std::uint32_t seed = 1; // of the backoff's jitter
  std::function<instant()> now = boot_clock::now;
};

/// How the feed hands a part of the warm-up over and waits until it is taken, so that at most one part is
/// on its way. False: the cache is gone.
using warm_function = std::function<bool(warm_sessions&&)>;

/// Follows the log: one round is "read everything new, tell the sinks, wait". The order at the start matters:
/// LISTEN first, then the position, then the snapshot that warms memory, so that whatever is revoked in between
/// comes after the position and is applied.
struct revocation_feed_state {
  static inline const char* name = "revocation_feed";

  void round();

  revocation_feed_options options;
  log_sources from;
  warm_function hand_over;
  std::function<void(log_progress&&)> tell_progress;
  std::function<void(epoch_changed&&)> tell_history;
  std::function<void(cache_warmed&&)> tell_warmed;

private:
  bool ensure_open();
  bool start_at_end(const std::string& reason);
  bool warm();
  bool catch_up();
  void wait();
  void trouble(const failure& what);
  instant deadline() const;

  std::optional<cursor> position_; // empty before the first successful start
  bool is_warm_ = false;
  bool must_notify_ = false;
  bool in_trouble_ = false;
  std::chrono::nanoseconds backoff_{0};
  std::minstd_rand jitter_;
};

/// Spawn it detached: it blocks its thread. `cache` hears of everything before the other sinks do.
revocation_feed_actor::behavior_type revocation_feed(
  revocation_feed_actor::stateful_pointer<revocation_feed_state> self, revocation_feed_options options,
  std::shared_ptr<log_sources> from, session_cache_actor cache,
  std::vector<revocation_sink_actor> others);

} // namespace portcullis
