#pragma once

#include "core/token.hpp"

#include <optional>
#include <string_view>

namespace portcullis::trust {

/// The key by which a caller (a gateway, a service) proves who it is: a secret in the form of a session token with
/// a prefix of its own. The callers' file holds its hash, never the key.
class caller_key : public secret_text {
public:
  static constexpr std::string_view prefix = caller_key_prefix;

  /// Encodes 32 bytes from a CSPRNG.
  static caller_key from_random(const std::array<std::uint8_t, 32>& bits);

private:
  explicit caller_key(const std::array<std::uint8_t, 32>& bits) : secret_text(prefix, bits) {}
};

bool is_caller_key_form(std::string_view text) noexcept;

/// The hash that 64 lower-case hexadecimal digits say, as the callers' file holds it.
std::optional<token_hash> parse_key_hash(std::string_view text) noexcept;

} // namespace portcullis::trust
