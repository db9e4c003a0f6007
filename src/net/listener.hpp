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

/// Raises the limit of open files to what the system allows and returns it.
std::size_t raise_descriptor_limit() noexcept;

/// Whether a descriptor can be had right now, by this process and in the whole system.
bool has_spare_descriptor() noexcept;

} // namespace portcullis
