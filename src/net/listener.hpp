#pragma once

#include "core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace portcullis {

/// A listening TCP socket that is not yet served.
struct listener {
  int descriptor = -1;
  std::uint16_t port = 0; // the one that was bound, when 0 was asked for
};

/// Binds and listens. An empty `host` means every interface, IPv4 and IPv6. Done before any actor starts, so
/// that a port in use stops the start with a clear line.
failure listen_on(const std::string& host, std::uint16_t port, listener* out);

/// Has the kernel drop requests for new connections from now on: who asks will ask again, of whoever listens then.
/// Handshakes that have begun come to their end, and those who are connected can be accepted. Best effort.
void drop_new_connections(int descriptor) noexcept;

/// The non-blocking socket of one that is connected, or -1 when nobody waits.
int accept_waiting(int descriptor) noexcept;

/// Raises the limit of open files to what the system allows and returns it.
std::size_t raise_descriptor_limit() noexcept;

/// Whether a descriptor can be had right now, by this process and in the whole system.
bool has_spare_descriptor() noexcept;

} // namespace portcullis
