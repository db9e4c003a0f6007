#include "text/network.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace portcullis::text {

namespace {

constexpr unsigned bits_of_ipv4 = 32;
constexpr unsigned bits_of_ipv6 = 128;
constexpr unsigned bits_of_mapping = bits_of_ipv6 - bits_of_ipv4; // of ::ffff:0:0/96 (RFC 4291, section 2.5.5.2)

struct network {
  int family = AF_INET;
  std::array<std::uint8_t, 16> bytes{};
  unsigned prefix = 0;
};

failure neither() {
  return {errc::value_unacceptable, "must be an IPv4 or IPv6 address, or a network like 192.0.2.0/24."};
}

bool parse_address(std::string_view text, network& out) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos)
    return false;
  std::memcpy(terminated.data(), text.data(), text.size());
  for (int family : {AF_INET, AF_INET6}) {
    out.family = family;
    if (inet_pton(family, terminated.data(), out.bytes.data()) == 1)
      return true;
  }
  return false;
}

bool parse_prefix(std::string_view text, unsigned most, unsigned& out) {
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc{} && stop == text.data() + text.size() && out <= most;
}

void unmap(network& n) {
  in6_addr six{};
  std::memcpy(&six, n.bytes.data(), sizeof six);
  if (n.family != AF_INET6 || IN6_IS_ADDR_V4MAPPED(&six) == 0 || n.prefix < bits_of_mapping)
    return;
  n.family = AF_INET;
  std::memmove(n.bytes.data(), n.bytes.data() + 12, 4);
  n.prefix -= bits_of_mapping;
}

bool has_bits_beyond_prefix(const network& n, unsigned bits) {
  for (unsigned bit = n.prefix; bit < bits; ++bit)
    if ((n.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
      return true;
  return false;
}

} // namespace

result<std::string> canonical_network(std::string_view text) {
  network n;
  const auto slash = text.find('/');
  if (!parse_address(text.substr(0, slash), n))
    return neither();
  n.prefix = n.family == AF_INET ? bits_of_ipv4 : bits_of_ipv6;
  if (slash != std::string_view::npos && !parse_prefix(text.substr(slash + 1), n.prefix, n.prefix))
    return neither();
  unmap(n);
  const auto bits = n.family == AF_INET ? bits_of_ipv4 : bits_of_ipv6;
  if (has_bits_beyond_prefix(n, bits))
    return failure{errc::value_unacceptable, "has bits beyond its prefix: write the network, or the one address."};
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(n.family, n.bytes.data(), out.data(), out.size());
  std::string canonical = out.data();
  if (n.prefix < bits)
    canonical += '/' + std::to_string(n.prefix);
  return canonical;
}

} // namespace portcullis::text
