#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Fixed-width base62 of unsigned integers, most significant digit first. The alphabet is in ASCII order, so
/// texts of one width compare as their numbers do.
namespace portcullis::base62 {

inline constexpr char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

constexpr bool is_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// 256 bits, big-endian, as 43 digits: 62^43 is just above 2^256.
constexpr std::array<char, 43> encode(const std::array<std::uint8_t, 32>& bytes) noexcept {
  std::array<std::uint32_t, 8> limbs{}; // most significant first
  for (std::size_t i = 0; i < bytes.size(); ++i)
    limbs[i / 4] = limbs[i / 4] << 8 | bytes[i];
  std::array<char, 43> text{};
  for (std::size_t i = text.size(); i-- > 0;) {
    std::uint64_t remainder = 0;
    for (auto& limb : limbs) {
      const std::uint64_t value = remainder << 32 | limb;
      limb = static_cast<std::uint32_t>(value / 62);
      remainder = value % 62;
    }
    text[i] = digits[remainder];
  }
  return text;
}

/// 32 bits as 6 digits: 62^6 is above 2^35.
constexpr std::array<char, 6> encode(std::uint32_t value) noexcept {
  std::array<char, 6> text{};
  for (std::size_t i = text.size(); i-- > 0;) {
    text[i] = digits[value % 62];
    value /= 62;
  }
  return text;
}

} // namespace portcullis::base62
