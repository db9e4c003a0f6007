#pragma once

#include "core/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// 128 bits in network byte order (RFC 9562).
struct uuid {
  static constexpr std::size_t text_length = 36;

  std::array<std::uint8_t, 16> bytes{};

  bool is_nil() const noexcept;

  /// Writes the lower-case canonical form, `text_length` characters, no terminator.
  void write(char* out) const noexcept;

  /// Accepts the 8-4-4-4-12 form in either case (RFC 9562, section 4) and nothing else.
  static std::optional<uuid> parse(std::string_view text) noexcept;
};

std::string to_string(const uuid& id);

inline bool operator==(const uuid& a, const uuid& b) noexcept {
  return a.bytes == b.bytes;
}
inline bool operator!=(const uuid& a, const uuid& b) noexcept {
  return !(a == b);
}
inline bool operator<(const uuid& a, const uuid& b) noexcept {
  return a.bytes < b.bytes;
}

/// Makes UUIDv7: 48 bits of Unix milliseconds, then 12 bits that count within one millisecond so that
/// ids of one generator are strictly increasing (RFC 9562, section 6.2, method 1), then 62 random bits.
/// A clock that steps back does not step the ids back. Random bits are drawn for several ids at once: to ask
/// OpenSSL costs more than all else that a generator does.
class uuid_v7_generator {
public:
  /// `random` fills the given bytes from a CSPRNG.
  using random_source = void (*)(std::uint8_t* out, std::size_t size);

  explicit uuid_v7_generator(random_source random);

  uuid next(timestamp now);

private:
  static constexpr std::size_t random_per_id = 10; // bytes: 8 for the tail, 2 to seed the counter
  static constexpr std::size_t ids_per_draw = 32;

  random_source random_;
  std::array<std::uint8_t, random_per_id * ids_per_draw> drawn_{};
  std::size_t used_ = drawn_.size();
  std::uint64_t last_ms_ = 0;
  std::uint16_t counter_ = 0;
};

} // namespace portcullis

template <>
struct std::hash<portcullis::uuid> {
  std::size_t operator()(const portcullis::uuid& id) const noexcept {
    // The tail of a v7 id is random; ids that callers invent never enter a table keyed by this.
    std::uint64_t tail = 0;
    std::memcpy(&tail, id.bytes.data() + 8, sizeof tail);
    return static_cast<std::size_t>(tail);
  }
};
