#pragma once

#include "core/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace portcullis::metrics {

/// Upper bounds (inclusive) of the latency buckets, in nanoseconds: 10 µs to 10 s in steps of about 2.5.
inline constexpr std::array<std::int64_t, 19> latency_bounds_ns = {
  10'000,      25'000,        50'000,        100'000,       250'000,       500'000,     1'000'000,
  2'500'000,   5'000'000,     10'000'000,    25'000'000,    50'000'000,    100'000'000, 250'000'000,
  500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

/// The same for numbers of things: 1 to 2^18.
inline constexpr std::array<std::int64_t, latency_bounds_ns.size()> count_bounds = {
  1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1'024, 2'048, 4'096, 8'192, 16'384, 32'768, 65'536, 131'072, 262'144};

/// Observations in fixed buckets. Owned by one thread: no lock, no allocation.
class histogram {
public:
  enum class scale : std::uint8_t { latency, count };

  explicit histogram(scale of = scale::latency) noexcept : scale_{of} {}

  void observe(std::chrono::nanoseconds latency) noexcept {
    add(latency.count());
  }
  void observe_count(std::size_t things) noexcept {
    add(static_cast<std::int64_t>(things));
  }

  /// The bucket that an observation falls into.
  std::size_t bucket_of(std::int64_t value) const noexcept;

  /// Adds what another of the same scale has observed.
  void merge(const histogram& other) noexcept;

  /// Per bucket, not cumulative; the last counts what is above every bound.
  const std::array<std::uint64_t, latency_bounds_ns.size() + 1>& counts() const noexcept {
    return counts_;
  }
  std::uint64_t count() const noexcept;

  /// In the unit of the scale: seconds, or things.
  double sum() const noexcept {
    return static_cast<double>(sum_) / divisor();
  }
  double bound(std::size_t bucket) const noexcept {
    return static_cast<double>(bounds()[bucket]) / divisor();
  }

private:
  const std::array<std::int64_t, latency_bounds_ns.size()>& bounds() const noexcept {
    return scale_ == scale::latency ? latency_bounds_ns : count_bounds;
  }
  double divisor() const noexcept {
    return scale_ == scale::latency ? 1e9 : 1;
  }
  void add(std::int64_t value) noexcept;

  std::array<std::uint64_t, latency_bounds_ns.size() + 1> counts_{};
  std::uint64_t sum_ = 0; // of nanoseconds it wraps after 584 years of latency
  scale scale_;
};

/// A trace whose request fell into a bucket.
struct exemplar {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  double value = 0; // in the unit of the histogram
  timestamp at{};
};

/// The latest exemplar of each bucket; empty as long as nothing is traced.
using exemplars = std::vector<exemplar>;

} // namespace portcullis::metrics
