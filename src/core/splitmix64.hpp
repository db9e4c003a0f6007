#pragma once

#include <cstdint>

namespace portcullis {

/// 2^64 / golden ratio, odd: adding it walks through all 64-bit numbers (SplitMix64; Steele, Lea and Flood, 2014).
inline constexpr std::uint64_t splitmix64_increment = 0x9e3779b97f4a7c15;

/// A bijection in which every input bit reaches every output bit: the finalizer of SplitMix64.
constexpr std::uint64_t splitmix64_mix(std::uint64_t x) noexcept {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

} // namespace portcullis
