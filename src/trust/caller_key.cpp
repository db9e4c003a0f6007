#include "trust/caller_key.hpp"

#include "core/ascii.hpp"
#include "core/hex.hpp"

#include <algorithm>

namespace portcullis::trust {

static_assert(caller_key::prefix.size() == secret_text::prefix_length);

caller_key caller_key::from_random(const std::array<std::uint8_t, 32>& bits) {
  return caller_key{bits};
}

bool is_caller_key_form(std::string_view text) noexcept {
  return is_secret_form(text, caller_key::prefix);
}

std::optional<token_hash> parse_key_hash(std::string_view text) noexcept {
  token_hash hash;
  const bool is_lower_hex =
    std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_digit(c) || (c >= 'a' && c <= 'f'); });
  if (text.size() != 2 * hash.bytes.size() || !is_lower_hex)
    return {};
  for (std::size_t i = 0; i < hash.bytes.size(); ++i)
    hash.bytes[i] = static_cast<std::uint8_t>(hex::value(text[2 * i]) * 16 + hex::value(text[2 * i + 1]));
  return hash;
}

} // namespace portcullis::trust
