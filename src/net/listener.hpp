#pragma once

#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// A listening TCP socket that is not yet served.
struct listener {
  int descriptor = -1;
  std::uint16_t port = 0; // the one that was bound, when 0 was asked for
};

/// Whether other processes of this user may listen on the port as well (SO_REUSEPORT, socket(7)): the kernel gives
/// each new connection to one of those who do. All of them must ask for it.
enum class port_sharing : std::uint8_t { off, on };

constexpr std::string_view to_string(port_sharing sharing) noexcept {
  return sharing == port_sharing::on ? "on" : "off";
}

constexpr std::optional<port_sharing> parse_port_sharing(std::string_view text) noexcept {
  for (auto sharing : {port_sharing::off, port_sharing::on})
    if (text == to_string(sharing))
      return sharing;
  return std::nullopt;
}

/// Binds and listens. An empty `host` means every interface, IPv4 and IPv6. Done before any actor starts, so
/// that a port in use stops the start with a clear line.
failure listen_on(const std::string& host, std::uint16_t port, listener* out,
                  port_sharing sharing = port_sharing::off);

/// Has the kernel drop requests for new connections from now on: a client asks again, and reaches the process that
/// listens then. Handshakes that have begun come to their end, and what is connected can be accepted. Best effort.
void drop_new_connections(int descriptor) noexcept;

/// The non-blocking socket of one that is connected, or -1 when nobody waits.
int accept_waiting(int descriptor) noexcept;

/// Raises the limit of open files to what the system allows and returns it.
std::size_t raise_descriptor_limit() noexcept;

/// Whether a descriptor can be had right now, by this process and in the whole system.
bool has_spare_descriptor() noexcept;

} // namespace portcullis
