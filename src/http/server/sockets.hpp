#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace portcullis::http {

/// The system calls that the server makes on a connection's descriptor beside CAF. A test whose descriptors are
/// not real brings its own.
class sockets {
public:
  virtual ~sockets() = default;

  /// Hands bytes to the kernel at once: how many it took, 0 when it takes none now, -1 when the connection is
  /// broken.
  virtual std::ptrdiff_t send(std::int64_t descriptor, const char* data, std::size_t size) noexcept;

  /// Ends our direction, or both.
  virtual void shut_down(std::int64_t descriptor, bool both) noexcept;

  /// The peer's address as text, without a port; empty if it cannot be told.
  virtual std::string peer_address(std::int64_t descriptor);

  /// Has the kernel give up on a peer that takes nothing for so long.
  virtual void set_write_timeout(std::int64_t descriptor, std::int64_t milliseconds) noexcept;
};

} // namespace portcullis::http
