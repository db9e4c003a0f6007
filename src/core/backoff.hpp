#pragma once

#include <chrono>
#include <cstdint>

namespace portcullis {

struct backoff_options {
  std::chrono::nanoseconds min = std::chrono::milliseconds{50};
  std::chrono::nanoseconds max = std::chrono::seconds{1};
  std::uint64_t seed = 1;  // of the jitter
  double least_part = 0.5; // of a pause, 0 to 1; 1: no jitter
};

/// Pauses between attempts: from `min` on, doubling up to `max`. Of each, `least_part` to the whole is taken, so
/// that those that failed together do not come back in step. Pure: it reads no clock.
class backoff {
public:
  explicit backoff(const backoff_options& opts) noexcept;

  /// The pause after one more failure.
  std::chrono::nanoseconds next() noexcept;

  /// After a success: the next pause is the shortest again.
  void reset() noexcept;

private:
  backoff_options options_;
  std::chrono::nanoseconds whole_{0}; // the last pause before the jitter; 0 after a success
  std::uint64_t dice_;
};

} // namespace portcullis
