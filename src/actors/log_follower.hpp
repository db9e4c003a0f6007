#pragma once

#include "actors/log_broadcast.hpp"
#include "actors/log_source.hpp"
#include "actors/mailbox_gauge.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace portcullis {

struct revocation_feed_options {
  std::chrono::nanoseconds poll_interval = std::chrono::milliseconds{100};
  std::chrono::nanoseconds busy_sink_pause = std::chrono::milliseconds{5}; // between reads while a sink is busy
  std::chrono::nanoseconds operation_timeout = std::chrono::seconds{5};
  std::chrono::nanoseconds warm_timeout = std::chrono::minutes{5};
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{1};
  std::size_t warm_entries_max = 1'000'000;
  std::uint32_t seed = 1; // of the backoff's jitter
  std::function<instant()> now = boot_clock::now;
  mailbox_gauge_ptr mailbox; // of the actor, or nothing
};

/// Follows the log from its end on. The order at the start matters: LISTEN first, then the position, then the
/// snapshot that warms memory, so that whatever is revoked in between comes after the position and is applied.
///
/// Blocks its thread while it reads and waits; knows nothing of actors.
class log_follower {
public:
  /// Bounds the time that the cache spends on one part of the warm-up.
  static constexpr std::size_t warm_part_entries_max = 256;

  struct listener {
    /// Takes news; must not block.
    std::function<void(log_news&&)> tell;
    /// Hands a part of the warm-up over and waits until it is taken. False: nobody takes it.
    std::function<bool(warm_sessions&&)> hand_over;
  };

  log_follower(revocation_feed_options options, log_sources from, listener to);

  /// Opens the log, takes a position, or (once what that told is delivered) warms memory and reads one page.
  /// Returns whether to call it again without a wait.
  bool step();

  /// Waits until there is reason for a step, at most for the poll interval, or for the backoff after trouble.
  void wait();

  /// Only looks whether there was reason for one.
  void glance();

private:
  bool ensure_open();
  bool start_at_end(const std::string& reason);
  bool ensure_warm();
  bool hand_over(std::vector<warm_session>&& entries, instant began);
  bool read_page(bool& has_more);
  bool pass_notification_on();
  void wait_at_most(std::chrono::nanoseconds timeout);
  void note_trouble(const failure& what);
  instant deadline() const;

  revocation_feed_options options_;
  log_sources from_;
  listener to_;
  std::optional<cursor> position_; // empty before the first successful start
  bool is_warm_ = false;
  bool must_notify_ = false;
  bool in_trouble_ = false;
  std::chrono::nanoseconds backoff_{0};
  std::minstd_rand jitter_;
};

} // namespace portcullis
