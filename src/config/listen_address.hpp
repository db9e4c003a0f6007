#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::config {

/// One address that is listened on.
struct listen_address {
  std::string host; // empty: every interface
  std::uint16_t port = 8080;
  bool is_tls = false;
  std::vector<std::string> audiences; // the groups of routes that it serves beside the probes; empty: all
};

/// What can stand in `audiences=`.
bool is_audience(std::string_view word) noexcept;

/// A list of `addr[;tls][;audiences=public,…]`, separated by commas. `addr` has the forms of Go's net.Listen that
/// need no look-up of service names: `host:port`, `:port`, `[::1]:port`.
std::optional<std::vector<listen_address>> parse_listen_addresses(std::string_view text);

/// The same list as text.
std::string to_string(const std::vector<listen_address>& addresses);

} // namespace portcullis::config
