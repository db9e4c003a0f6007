#include "core/backoff.hpp"

#include "core/splitmix64.hpp"

#include <algorithm>

namespace portcullis {

backoff::backoff(const backoff_options& opts) noexcept : options_(opts), dice_(opts.seed) {
  // nop
}

std::chrono::nanoseconds backoff::next() noexcept {
  whole_ = std::clamp(whole_ * 2, options_.min, options_.max);
  dice_ += splitmix64_increment;
  const double chance = static_cast<double>(splitmix64_mix(dice_) >> 11) * 0x1p-53; // 0 to 1: a double has 53 bits
  const double part = options_.least_part + (1 - options_.least_part) * chance;
  return std::chrono::nanoseconds{static_cast<std::int64_t>(part * static_cast<double>(whole_.count()))};
}

void backoff::reset() noexcept {
  whole_ = std::chrono::nanoseconds{0};
}

} // namespace portcullis
