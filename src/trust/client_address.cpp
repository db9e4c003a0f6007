#include "trust/client_address.hpp"

#include "core/ascii.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace portcullis::trust {

namespace {

constexpr std::string_view ows = " \t"; // optional white space: RFC 9110, section 5.6.3
constexpr std::array<std::uint8_t, 12> ipv4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ascii::to_lower(x) == ascii::to_lower(y);
         });
}

/// Whether the quote at `at` is escaped: an odd number of backslashes stands before it.
bool is_escaped(std::string_view text, std::size_t at) noexcept {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - backslashes - 1] == '\\')
    ++backslashes;
  return backslashes % 2 == 1;
}

/// Takes what follows the last `mark` that stands outside quoted strings off the end of `text`.
///
/// Read from the right, because that end was written by a trusted proxy: a quote that a client leaves open
/// cannot swallow what was appended to it.
std::string_view take_last(std::string_view& text, char mark) noexcept {
  bool is_quoted = false;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == '"' && !(is_quoted && is_escaped(text, i)))
      is_quoted = !is_quoted;
    if (text[i] == mark && !is_quoted) {
      const auto last = text.substr(i + 1);
      text = text.substr(0, i);
      return last;
    }
  }
  const auto last = text;
  text = {};
  return last;
}

bool is_port(std::string_view text) noexcept {
  // An obfuscated port begins with an underscore (RFC 7239, section 6.3): of no concern here.
  return !text.empty() && (text[0] == '_' || std::all_of(text.begin(), text.end(), ascii::is_digit));
}

/// An address as proxies write it: IPv4, IPv6 with or without brackets, each with or without a port.
std::optional<ip_address> parse_node(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return {};
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || !is_port(rest.substr(1))))
      return {};
    const auto inside = text.substr(1, end - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : parse_ip_address(inside);
  }
  const auto colon = text.find(':');
  const bool has_one_colon =
    colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (has_one_colon && !is_port(text.substr(colon + 1)))
    return {};
  return parse_ip_address(has_one_colon ? text.substr(0, colon) : text);
}

/// The `for` of one element of `Forwarded`, without its quotes.
std::optional<ip_address> parse_forwarded_element(std::string_view element) noexcept {
  std::optional<ip_address> found;
  while (!element.empty()) {
    const auto pair = ascii::trim(take_last(element, ';'), ows);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || !iequals(pair.substr(0, equals), "for"))
      continue;
    auto value = pair.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2); // no address needs an escape
    if (found)
      return {}; // given twice
    found = parse_node(value);
    if (!found)
      return {};
  }
  return found;
}

} // namespace

bool ip_address::is_ipv4() const noexcept {
  return std::equal(ipv4_prefix.begin(), ipv4_prefix.end(), bytes.begin());
}

std::optional<ip_address> parse_ip_address(std::string_view text) noexcept {
  char terminated[INET6_ADDRSTRLEN]; // as inet_pton wants it
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos)
    return {};
  std::copy(text.begin(), text.end(), terminated);
  terminated[text.size()] = '\0';
  ip_address address;
  if (::inet_pton(AF_INET6, terminated, address.bytes.data()) == 1)
    return address;
  std::copy(ipv4_prefix.begin(), ipv4_prefix.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, terminated, address.bytes.data() + ipv4_prefix.size()) == 1)
    return address;
  return {};
}

std::string to_string(const ip_address& address) {
  char text[INET6_ADDRSTRLEN];
  const auto* made = address.is_ipv4()
                       ? ::inet_ntop(AF_INET, address.bytes.data() + ipv4_prefix.size(), text, sizeof text)
                       : ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  return made != nullptr ? made : std::string{};
}

address_key::address_key(const ip_address& address) noexcept {
  const std::size_t counted = address.is_ipv4() ? 16 : 8;
  std::memcpy(bytes_.data(), address.bytes.data(), counted);
}

ip_address client_address(forwarding_field field, field_lines lines, const ip_address& peer,
                          std::size_t hops) noexcept {
  auto nearest = peer;
  hops = std::min(hops, forwarding_hops_max);
  for (std::size_t line = lines.count; line-- > 0 && hops > 0;) {
    auto rest = lines.first[line];
    while (!rest.empty() && hops > 0) {
      const auto element = ascii::trim(take_last(rest, ','), ows);
      if (element.empty())
        continue; // a list may hold empty elements: RFC 9110, section 5.6.1
      const auto told =
        field == forwarding_field::forwarded ? parse_forwarded_element(element) : parse_node(element);
      if (!told)
        return nearest;
      nearest = *told;
      --hops;
    }
  }
  return nearest;
}

} // namespace portcullis::trust
