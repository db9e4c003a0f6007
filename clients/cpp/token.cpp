#include "portcullis.hpp"

#include <algorithm>
#include <array>

namespace portcullis::client {

namespace {

constexpr std::string_view prefix = "pcs_";
constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view largest = "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1"; // 2^256 - 1
constexpr std::size_t checksum_size = 6;
constexpr std::size_t checked_size = prefix.size() + largest.size();

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    auto crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

constexpr auto crc_of = crc_table();

std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : text)
    crc = crc_of[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

} // namespace

bool is_token(std::string_view text) {
  if (text.size() != checked_size + checksum_size || text.substr(0, prefix.size()) != prefix
      || text.substr(prefix.size()).find_first_not_of(digits) != std::string_view::npos
      || text.substr(prefix.size(), largest.size()) > largest)
    return false;
  auto rest = crc32(text.substr(0, checked_size));
  return std::all_of(text.rbegin(), text.rbegin() + checksum_size, [&rest](char c) {
    const auto expected = digits[rest % digits.size()];
    rest /= static_cast<std::uint32_t>(digits.size());
    return c == expected;
  });
}

} // namespace portcullis::client
