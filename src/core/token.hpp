#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// SHA-256 of a token's text: what is stored and looked up. Not a secret that opens anything, but it
/// identifies a session, so it is not logged either.
struct token_hash {
  std::array<std::uint8_t, 32> bytes{};
};

bool operator==(const token_hash& a, const token_hash& b) noexcept; // CRYPTO_memcmp
inline bool operator!=(const token_hash& a, const token_hash& b) noexcept {
  return !(a == b);
}

/// A session token: 256 random bits in the text form `pcs_` + 43 base62 digits + 6 base62 digits of the
/// CRC-32 of all that precedes (as GitHub's tokens have), 53 characters. The form lets a secret scanner
/// find a leaked token and turns garbage away before any hashing or look-up.
///
/// The type does not print: no operator<<, no to_string, no inspect. `reveal` is called once, where the
/// reply to the client is written. The memory is cleansed on destruction.
class token {
public:
  static constexpr std::string_view prefix = "pcs_";
  static constexpr std::size_t body_length = 43;
  static constexpr std::size_t checksum_length = 6;
  static constexpr std::size_t text_length = 4 + body_length + checksum_length;

  /// Encodes 32 bytes from a CSPRNG.
  static token from_random(const std::array<std::uint8_t, 32>& bits);

  token() = default;
  token(const token&) = default;
  token& operator=(const token&) = default;
  ~token();

  std::string_view reveal() const noexcept;
  token_hash hash() const;

private:
  std::array<char, text_length> text_{};
};

/// True if `text` has the form of a token: prefix, length, alphabet, a body below 2^256 and a checksum
/// that fits. Touches no memory but its argument; about 100 ns.
bool is_token_form(std::string_view text) noexcept;

/// SHA-256 of `text`, by a digest context that is made once per thread.
token_hash hash_token(std::string_view text);

/// Fills `out` from OpenSSL's CSPRNG; aborts the process when there is no entropy, for a weak token is
/// worse than none.
void fill_random(std::uint8_t* out, std::size_t size);

} // namespace portcullis

template <>
struct std::hash<portcullis::token_hash> {
  std::size_t operator()(const portcullis::token_hash& h) const noexcept {
    std::size_t head = 0;
    std::memcpy(&head, h.bytes.data(), sizeof head);
    return head;
  }
};
