#pragma once

#include "core/hex.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace portcullis {

/// Percent-decodes `text` into `out`, which takes at least as many bytes and may be where `text` is, and returns
/// how many there are; nothing when an escape is cut short or not hexadecimal. `plus_is_space`:
/// `application/x-www-form-urlencoded`, as browsers and clients write queries and forms.
inline std::optional<std::size_t> percent_decode(std::string_view text, bool plus_is_space, char* out) noexcept {
  const char* const start = out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      *out++ = ' ';
    } else if (text[i] != '%') {
      *out++ = text[i];
    } else {
      const int high = i + 2 < text.size() ? hex::value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex::value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return {};
      *out++ = static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return static_cast<std::size_t>(out - start);
}

} // namespace portcullis
