#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// CRC-32 as in IEEE 802.3, gzip and PNG (reflected polynomial 0xEDB88320), for the checksum of a token: it
/// finds typing errors and random garbage, it authenticates nothing.
namespace portcullis {

namespace detail {

// Table k advances the register by k + 1 bytes, so that four bytes take one step of independent look-ups instead
// of a chain of four.
constexpr std::array<std::array<std::uint32_t, 256>, 4> make_crc32_tables() noexcept {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

inline constexpr auto crc32_tables = make_crc32_tables();

} // namespace detail

/// Goes on from the checksum `crc` of what precedes `data` (0 at the start).
constexpr std::uint32_t crc32(std::string_view data, std::uint32_t crc = 0) noexcept {
  const auto& t = detail::crc32_tables;
  const auto byte = [&data](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(data[i]));
  };
  crc = ~crc;
  std::size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    crc ^= byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
    crc = t[3][crc & 0xff] ^ t[2][crc >> 8 & 0xff] ^ t[1][crc >> 16 & 0xff] ^ t[0][crc >> 24];
  }
  for (; i < data.size(); ++i)
    crc = (crc >> 8) ^ t[0][(crc ^ byte(i)) & 0xff];
  return ~crc;
}

} // namespace portcullis
