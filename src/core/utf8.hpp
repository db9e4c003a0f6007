#pragma once

#include <cstddef>
#include <string_view>

namespace portcullis {

/// True if `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
/// PostgreSQL refuses anything else as text, and NUL too, which is well-formed here.
bool is_valid_utf8(std::string_view text) noexcept;

/// As much of the front of well-formed `text` as `bytes_max` bytes take, whole characters.
constexpr std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
    --bytes_max;
  return text.substr(0, bytes_max);
}

} // namespace portcullis
