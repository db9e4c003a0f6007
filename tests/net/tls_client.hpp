#pragma once

#include "net/certificates.hpp"
#include "net/tls_transport.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::test {

/// An authority, a server with its context, and clients, made once.
struct tls_world {
  tls_world();

  net::tls_files files(net::client_certificates clients = net::client_certificates::none) const;
  std::shared_ptr<const net::tls_context> context(
    net::client_certificates clients = net::client_certificates::none) const;

  temporary_folder folder;
  identity authority = make_identity({"authority", "", -3600, 7200, true});
  identity server = make_identity({"localhost", "DNS:localhost"}, &authority);
};

struct client_wish {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::vector<std::string> protocols{"http/1.1"}; // of ALPN
  const identity* shows = nullptr;                // its certificate
  SSL_SESSION* resumes = nullptr;
};

/// A client of OpenSSL over its memory BIOs, as independent of the transport as can be had.
class tls_client {
public:
  tls_client(const identity& trusts, const client_wish& wish = {});

  /// Takes what the server sent; returns what the client sends for it.
  std::string receive(std::string_view from_wire);
  /// What has to be sent for `plain`.
  std::string send(std::string_view plain);
  std::string close();

  bool is_established() const;
  bool has_failed() const {
    return has_failed_;
  }
  const std::string& plain() const {
    return plain_;
  }
  std::string protocol() const; // that ALPN chose
  SSL* native() const {
    return ssl_.get();
  }

private:
  void advance();
  std::string take_output();

  net::ssl_ctx_ptr ctx_;
  net::ssl_ptr ssl_;
  std::string plain_;
  bool has_failed_ = false;
};

/// A server's transport and a client, and the wire between them, cut as wished.
struct tls_pair {
  tls_pair(std::shared_ptr<const net::tls_context> context, const identity& trusts, const client_wish& wish = {});

  /// Hands bytes back and forth until both are silent. `piece` says how many bytes go at once.
  void run(const std::function<std::size_t()>& piece);
  void run(std::size_t piece = static_cast<std::size_t>(-1));
  /// Puts bytes on the wire to the server.
  void to_server(std::string_view bytes);
  /// What the server would write to the client.
  void server_sends(std::string_view plain);

  std::string server_plain() const {
    return {plain.begin(), plain.end()};
  }

  net::tls_transport server;
  tls_client client;
  net::byte_buffer plain;   // what the server has read
  net::byte_buffer to_wire; // what the server has written and the client not yet read
  std::string to_read;      // what the client has written and the server not yet read
  std::string failure;      // of the server, the first
};

} // namespace portcullis::test
