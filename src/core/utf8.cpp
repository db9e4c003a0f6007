#include "core/utf8.hpp"

#include <cstddef>

namespace portcullis {

namespace {

/// What may follow a lead byte: how many bytes, and the range of the first of them (RFC 3629, section 4).
struct continuation {
  std::size_t count;
  unsigned char first_min;
  unsigned char first_max;
};

continuation after(unsigned char lead) noexcept {
  if (lead >= 0xc2 && lead <= 0xdf)
    return {1, 0x80, 0xbf};
  if (lead == 0xe0)
    return {2, 0xa0, 0xbf}; // below: overlong
  if (lead == 0xed)
    return {2, 0x80, 0x9f}; // above: surrogates
  if (lead >= 0xe1 && lead <= 0xef)
    return {2, 0x80, 0xbf};
  if (lead == 0xf0)
    return {3, 0x90, 0xbf}; // below: overlong
  if (lead >= 0xf1 && lead <= 0xf3)
    return {3, 0x80, 0xbf};
  if (lead == 0xf4)
    return {3, 0x80, 0x8f}; // above: past U+10FFFF
  return {0, 0, 0};
}

} // namespace

bool is_valid_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    if (byte(i) < 0x80) {
      ++i;
      continue;
    }
    const auto next = after(byte(i));
    if (next.count == 0 || text.size() - i <= next.count)
      return false;
    if (byte(i + 1) < next.first_min || byte(i + 1) > next.first_max)
      return false;
    for (std::size_t k = 2; k <= next.count; ++k)
      if ((byte(i + k) & 0xc0) != 0x80)
        return false;
    i += next.count + 1;
  }
  return true;
}

} // namespace portcullis
