#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Hexadecimal digits: written in lower case, read in either.
namespace portcullis::hex {

inline constexpr std::string_view digits = "0123456789abcdef";

/// The value of a digit, or -1.
constexpr int value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

namespace detail {

/// The two digits of each byte.
inline constexpr auto pairs = [] {
  std::array<char, 512> out{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    out[2 * byte] = digits[byte >> 4];
    out[2 * byte + 1] = digits[byte & 0x0f];
  }
  return out;
}();

} // namespace detail

/// Writes `size` bytes as twice as many digits and returns the end of them.
inline char* write(const std::uint8_t* bytes, std::size_t size, char* out) noexcept {
  for (std::size_t i = 0; i < size; ++i, out += 2)
    std::memcpy(out, detail::pairs.data() + std::size_t{2} * bytes[i], 2);
  return out;
}

/// Reads exactly `size` bytes; false when `text` is not twice as many digits.
constexpr bool read(std::string_view text, std::uint8_t* bytes, std::size_t size) noexcept {
  if (text.size() != 2 * size)
    return false;
  for (std::size_t i = 0; i < size; ++i) {
    const int high = value(text[2 * i]);
    const int low = value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

} // namespace portcullis::hex
