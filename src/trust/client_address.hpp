#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::trust {

/// An IPv6 address, or an IPv4 one as the IPv6 address that maps it.
struct ip_address {
  std::array<std::uint8_t, 16> bytes{};

  bool is_ipv4() const noexcept;
  bool operator==(const ip_address& other) const noexcept {
    return bytes == other.bytes;
  }
};

/// The canonical text of an address: dotted decimals for IPv4.
std::string to_string(const ip_address& address);

/// The text of one address: IPv4, or IPv6 without brackets or zone.
std::optional<ip_address> parse_ip_address(std::string_view text) noexcept;

/// What a limit counts by: an IPv4 address, or the /64 of an IPv6 one, since a client with one address of such
/// a network has all of them. Made for `rate_limiter`, which takes bytes.
class address_key {
public:
  explicit address_key(const ip_address& address) noexcept;

  std::string_view bytes() const noexcept {
    return {bytes_.data(), bytes_.size()};
  }

private:
  std::array<char, 16> bytes_{};
};

/// The field in which a trusted caller tells whom it asks for. One of them, by configuration: a gateway that
/// writes the one passes the other on as the client sent it.
enum class forwarding_field : std::uint8_t { x_forwarded_for, forwarded };

/// The most hops that can be configured.
inline constexpr std::size_t forwarding_hops_max = 8;

/// The lines of one field, in their order.
struct field_lines {
  const std::string_view* first = nullptr;
  std::size_t count = 0;
};

/// The address of the client, as far as it can be believed.
///
/// `hops` is how many proxies in a row are trusted, the peer of the connection included: each appends the address
/// that it was asked from, so the client's is the `hops`-th element from the right. 0: the peer is the client.
/// Elements further left are whatever the client sent, and are not looked at. Where there are fewer elements, or
/// one that is no address (`unknown`, `_hidden`, garbage) comes first, the last address that a trusted hop told is
/// taken: the nearest that is known.
///
/// `forwarded` is read by RFC 7239 (`for=`, quoted strings, brackets, ports); `x_forwarded_for` as a list of
/// addresses, ports and brackets allowed.
ip_address client_address(forwarding_field field, field_lines lines, const ip_address& peer,
                          std::size_t hops) noexcept;

} // namespace portcullis::trust
