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

/// The hash as 64 lower-case hexadecimal digits.
std::string to_hex(const token_hash& hash);

/// A secret that this service gives out: 256 random bits in the text form prefix + 43 base62 digits + 6 base62
/// digits of the CRC-32 of all that precedes (as GitHub's tokens have), 53 characters. The form lets a secret
/// scanner find a leaked one and turns garbage away before any hashing or look-up. What differs between kinds is
/// the prefix.
///
/// The type does not print: no operator<<, no to_string, no inspect. `reveal` is called once, where the
/// reply to the client is written. The memory is cleansed on destruction.
class secret_text {
public:
  static constexpr std::size_t prefix_length = 4;
  static constexpr std::size_t body_length = 43;
  static constexpr std::size_t checksum_length = 6;
  static constexpr std::size_t text_length = prefix_length + body_length + checksum_length;

  std::string_view reveal() const noexcept;
  token_hash hash() const;

protected:
  secret_text() = default;
  secret_text(std::string_view prefix, const std::array<std::uint8_t, 32>& bits);
  secret_text(const secret_text&) = default;
  secret_text& operator=(const secret_text&) = default;
  ~secret_text();

private:
  std::array<char, text_length> text_{};
};

/// True if `text` has the form of a secret of ours that begins with `prefix`: length, alphabet, a body below 2^256
/// and a checksum that fits. Touches no memory but its arguments; about 100 ns.
bool is_secret_form(std::string_view text, std::string_view prefix) noexcept;

/// What a caller's key begins with: see trust/caller_key.hpp.
inline constexpr std::string_view caller_key_prefix = "pck_";

/// A session token.
class token : public secret_text {
public:
  static constexpr std::string_view prefix = "pcs_";

  /// Encodes 32 bytes from a CSPRNG.
  static token from_random(const std::array<std::uint8_t, 32>& bits);

  token() = default;

private:
  explicit token(const std::array<std::uint8_t, 32>& bits) : secret_text(prefix, bits) {}
};

bool is_token_form(std::string_view text) noexcept;

/// Whether a token or a caller's key may have strayed into `text`, whole or in part: then it is not to be told to
/// anybody.
inline bool may_hold_secret(std::string_view text) noexcept {
  return text.find(token::prefix) != std::string_view::npos
         || text.find(caller_key_prefix) != std::string_view::npos;
}

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
