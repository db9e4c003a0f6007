#pragma once

#include "core/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace portcullis::net {

/// Whether clients are asked for a certificate. One that is shown must be valid, also where it is optional.
enum class client_certificates : std::uint8_t { none, optional, required };

struct tls_files {
  std::string certificate; // PEM: the server's certificate first, then its chain
  std::string key;         // PEM, not encrypted
  std::string client_ca;   // PEM: who may issue clients' certificates; needed unless `clients` is `none`
  client_certificates clients = client_certificates::none;
};

/// What all connections of a TLS listener share; never changes. To change a certificate, load another context and
/// give it to new connections; those that exist keep theirs. A new context has new ticket keys, so that nobody
/// resumes a session that an older one began.
///
/// TLS 1.2 with forward secrecy and authenticated encryption only, and TLS 1.3. ALPN: `http/1.1`; a client that
/// offers only other protocols is refused (RFC 7301, section 3.2). Sessions are resumed by tickets, for an hour.
/// No renegotiation, no compression, no early data.
class tls_context {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// Refuses what would not work: files that cannot be read, a key that is not the certificate's, a certificate
  /// that is not valid at `now`. The reason names the file.
  static result<std::shared_ptr<const tls_context>> load(const tls_files& files, time_point now);

  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  ~tls_context();

  ssl_ctx_st* native() const noexcept {
    return native_;
  }

  /// When the server's certificate expires.
  time_point expires_at() const noexcept {
    return expires_at_;
  }

private:
  tls_context() = default;

  ssl_ctx_st* native_ = nullptr;
  time_point expires_at_;
};

} // namespace portcullis::net
