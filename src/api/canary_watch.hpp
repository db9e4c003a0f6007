#pragma once

#include "core/canary.hpp"
#include "core/time.hpp"
#include "telemetry/metrics.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace portcullis::api {

/// How long after the acknowledgement of a canary's revocation this process knew of it. Every process that
/// follows the log has one. Two events tell: the end of the session, whose instant here is noted, and then the
/// instant of its acknowledgement. An end that was known before its acknowledgement counts as no delay.
class canary_watch {
public:
  /// A canary later than `bound` is a breach of what is promised.
  explicit canary_watch(std::chrono::nanoseconds bound) noexcept : bound_{bound} {}

  /// An event of a canary, which memory has applied by `now`.
  void note(const revocation_event& event, instant now) noexcept;

  void add_to(metrics::snapshot& s) const;

private:
  /// Canaries that wait for the word of their acknowledgement; the oldest gives its place to the next.
  static constexpr std::size_t waiting_max = 64;

  struct waiting {
    uuid session_id;
    instant known{};
  };

  void observe(std::chrono::nanoseconds delay) noexcept;

  std::chrono::nanoseconds bound_;
  std::array<waiting, waiting_max> waiting_{};
  std::size_t next_ = 0;
  metrics::histogram delay_;
  std::uint64_t breaches_ = 0;
};

} // namespace portcullis::api
