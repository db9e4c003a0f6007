#include "telemetry/histogram.hpp"

#include <algorithm>
#include <numeric>

namespace portcullis::metrics {

std::size_t histogram::bucket_of(std::int64_t value) const noexcept {
  const auto found = std::lower_bound(bounds().begin(), bounds().end(), value);
  return static_cast<std::size_t>(found - bounds().begin());
}

void histogram::add(std::int64_t value) noexcept {
  value = std::max<std::int64_t>(value, 0);
  ++counts_[bucket_of(value)];
  sum_ += static_cast<std::uint64_t>(value);
}

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
  sum_ += other.sum_;
}

std::uint64_t histogram::count() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

} // namespace portcullis::metrics
