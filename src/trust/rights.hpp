#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::trust {

/// What a caller may do.
enum class right : std::uint8_t {
  sessions_resolve, ///< resolve, verify and introspect one token
  sessions_lookup,  ///< look sessions up by the hashes of their tokens, many at once
  sessions_mint,
  sessions_revoke,
  accounts_read,
  accounts_write, ///< make, link, delete and seat accounts
  users_act,      ///< act for a user: `X-User-ID` and `X-Session-ID` are believed
  revocations_read,
  public_forward, ///< pass on what people ask for: its word on their addresses is believed
  admin_read,
  admin_write,
  metrics_read,
  count
};

/// `sessions:resolve` and so on.
std::string_view to_string(right r) noexcept;

class right_set {
public:
  constexpr right_set() = default;

  static constexpr right_set all() noexcept {
    right_set every;
    every.bits_ = (std::uint32_t{1} << static_cast<unsigned>(right::count)) - 1;
    return every;
  }

  constexpr bool has(right r) const noexcept {
    return (bits_ & bit(r)) != 0;
  }
  constexpr right_set& add(right r) noexcept {
    bits_ |= bit(r);
    return *this;
  }
  constexpr right_set& add(right_set more) noexcept {
    bits_ |= more.bits_;
    return *this;
  }
  constexpr bool empty() const noexcept {
    return bits_ == 0;
  }
  friend constexpr bool operator==(right_set a, right_set b) noexcept {
    return a.bits_ == b.bits_;
  }

private:
  static constexpr std::uint32_t bit(right r) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(r);
  }

  std::uint32_t bits_ = 0;
};
static_assert(static_cast<unsigned>(right::count) < 32);

/// What one word of a caller's `may` grants, or nothing when it is no such word:
/// - a right: `sessions:resolve`
/// - all of a subject: `sessions:*`, and everything: `*`
/// - an audience: `internal` (sessions, accounts and the feed), `user` (`users:act`), `public` (`public:forward`),
///   `admin` (`admin:*`). Metrics are in none of them.
std::optional<right_set> parse_right(std::string_view word) noexcept;

/// The rights, separated by blanks, for people.
std::string to_string(right_set rights);

} // namespace portcullis::trust
