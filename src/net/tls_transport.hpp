#pragma once

#include "net/tls_bio.hpp"
#include "net/tls_context.hpp"
#include "net/transport.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace portcullis::net {

/// The server's side of TLS on one connection.
///
/// Everything that it buffers is OpenSSL's and bounded: the part of one record that has come (16 KiB), and while
/// the handshake lasts its messages (`handshake_bytes_max`). Once a record is complete its buffer is given back,
/// so that an idle connection holds neither. The first failure is final.
class tls_transport final : public transport {
public:
  /// What a peer may send before its handshake is over; the chain of its certificate is the most of it.
  static constexpr std::size_t handshake_bytes_max = 64 * 1024;

  /// Messages after the handshake that a peer may send (TLS 1.3: requests for new keys, each of which costs us
  /// more than the peer). Clients ask for new keys after many gigabytes, if at all.
  static constexpr std::size_t late_messages_max = 128;

  explicit tls_transport(std::shared_ptr<const tls_context> context);

  result<void> receive(std::string_view from_wire, byte_buffer& plain, byte_buffer& to_wire) override;
  result<void> send(std::string_view plain, byte_buffer& to_wire) override;
  void close(byte_buffer& to_wire) override;
  bool is_established() const noexcept override;
  bool is_closed_by_peer() const noexcept override;
  const peer_identity& peer() const noexcept override;

  /// Whether the session was resumed by a ticket; once established.
  bool is_resumed() const noexcept;

  /// OpenSSL's callbacks, which a context sets for all its connections.
  static void note_event(const SSL* ssl, int where, int value);
  static void note_message(int is_written, int version, int content_type, const void* bytes, std::size_t size,
                           SSL* ssl, void* argument);

private:
  result<void> shake_hands();
  result<void> read(byte_buffer& plain);
  result<void> check_peer();
  result<void> check_manners();
  failure fail(const char* what);

  std::shared_ptr<const tls_context> context_;
  tls_wire wire_;
  ssl_ptr ssl_;
  peer_identity peer_;
  std::optional<failure> failed_;
  std::size_t handshake_bytes_ = 0;
  std::size_t late_messages_ = 0;
  bool is_established_ = false;
  bool has_asked_to_renegotiate_ = false;
};

} // namespace portcullis::net
