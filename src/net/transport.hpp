#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::net {

/// Bytes as a connection's buffers hold them.
using byte_buffer = std::vector<char>;

/// Who is at the other end, as far as the transport has proven it. Empty over plain TCP.
struct peer_identity {
  std::vector<std::string> names; // of a verified client certificate: its URI and DNS subject alternative names
};

/// Turns the bytes on the wire into plain bytes and back, for one connection. It opens no socket: the server reads
/// and writes. A connection without one is plain TCP, which costs nothing.
class transport {
public:
  virtual ~transport() = default;

  /// Takes what came from the wire; appends plain bytes to `plain`, and to `to_wire` what has to be sent for the
  /// transport itself (a handshake, an alert). On failure the connection is over once `to_wire` is sent.
  virtual result<void> receive(std::string_view from_wire, byte_buffer& plain, byte_buffer& to_wire) = 0;

  /// Appends the wire form of `plain` to `to_wire`.
  virtual result<void> send(std::string_view plain, byte_buffer& to_wire) = 0;

  /// Appends the orderly end of our direction.
  virtual void close(byte_buffer& to_wire) = 0;

  /// False until the handshake is over: nothing plain can be sent or has come.
  virtual bool is_established() const noexcept = 0;

  /// Whether the peer has ended its direction in an orderly way.
  virtual bool is_closed_by_peer() const noexcept = 0;

  virtual const peer_identity& peer() const noexcept = 0;
};

} // namespace portcullis::net
