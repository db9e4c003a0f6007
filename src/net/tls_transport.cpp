#include "net/tls_transport.hpp"

#include "net/tls_names.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <string>
#include <utility>

namespace portcullis::net {

namespace {

constexpr std::size_t record_bytes_max = 16 * 1024; // of plain text (RFC 8446, section 5.1)
constexpr std::size_t read_bytes_min = 512;         // for what is left of a record that came in parts

/// Lends the caller's memory to OpenSSL for one call.
class loan {
public:
  loan(tls_wire& wire, std::string_view input, byte_buffer& output) noexcept : wire_(wire) {
    wire_ = {input, &output};
    ERR_clear_error(); // what others left would be taken for ours
  }
  loan(const loan&) = delete;
  loan& operator=(const loan&) = delete;
  ~loan() {
    wire_ = {};
  }

private:
  tls_wire& wire_;
};

tls_transport* transport_of(const SSL* ssl) noexcept {
  return static_cast<tls_transport*>(SSL_get_app_data(ssl));
}

} // namespace

tls_transport::tls_transport(std::shared_ptr<const tls_context> context)
  : context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  if (ssl_ == nullptr)
    throw std::bad_alloc{};
  auto* bio = make_wire_bio(&wire_).release();
  SSL_set_bio(ssl_.get(), bio, bio); // which takes it over
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_accept_state(ssl_.get());
}

result<void> tls_transport::receive(std::string_view from_wire, byte_buffer& plain, byte_buffer& to_wire) {
  if (failed_)
    return *failed_;
  const loan lent{wire_, from_wire, to_wire};
  if (!is_established_) {
    handshake_bytes_ += from_wire.size();
    if (auto done = shake_hands(); !done)
      return done;
    if (!is_established_)
      return handshake_bytes_ <= handshake_bytes_max ? result<void>{} : fail("the handshake is too long");
  }
  return read(plain);
}

result<void> tls_transport::send(std::string_view plain, byte_buffer& to_wire) {
  if (failed_)
    return *failed_;
  if (!is_established_)
    return failure{errc::internal, "nothing can be sent before the TLS handshake is over"};
  if (plain.empty())
    return {};
  const loan lent{wire_, {}, to_wire};
  std::size_t taken = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken) != 1)
    return fail("cannot send");
  assert(taken == plain.size());
  return {};
}

void tls_transport::close(byte_buffer& to_wire) {
  if (failed_ || !is_established_)
    return;
  const loan lent{wire_, {}, to_wire};
  SSL_shutdown(ssl_.get());
}

bool tls_transport::is_established() const noexcept {
  return is_established_;
}

bool tls_transport::is_closed_by_peer() const noexcept {
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

const peer_identity& tls_transport::peer() const noexcept {
  return peer_;
}

bool tls_transport::is_resumed() const noexcept {
  return SSL_session_reused(ssl_.get()) == 1;
}

result<void> tls_transport::shake_hands() {
  const int rc = SSL_do_handshake(ssl_.get());
  if (rc == 1) {
    is_established_ = true;
    return check_peer();
  }
  if (SSL_get_error(ssl_.get(), rc) == SSL_ERROR_WANT_READ)
    return {};
  return fail("handshake failed");
}

result<void> tls_transport::read(byte_buffer& plain) {
  for (;;) {
    const auto before = plain.size();
    const auto room = std::clamp(wire_.input.size(), read_bytes_min, record_bytes_max);
    plain.resize(before + room);
    std::size_t got = 0;
    const int rc = SSL_read_ex(ssl_.get(), plain.data() + before, room, &got);
    plain.resize(before + got);
    if (auto well = check_manners(); !well)
      return well;
    if (rc == 1)
      continue;
    switch (SSL_get_error(ssl_.get(), rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_ZERO_RETURN: // the orderly end
      return {};
    default:
      return fail("cannot receive");
    }
  }
}

/// A ticket brings back the peer that was verified when the session began: its certificate may have expired since.
result<void> tls_transport::check_peer() {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr)
    return {};
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return fail("the peer's certificate has expired");
  peer_.names = subject_names(certificate);
  return {};
}

result<void> tls_transport::check_manners() {
  if (has_asked_to_renegotiate_)
    return fail("the peer asks to renegotiate");
  if (late_messages_ > late_messages_max)
    return fail("too many messages after the handshake");
  return {};
}

/// OpenSSL has told the peer already where that is its part: the alert is in the output.
failure tls_transport::fail(const char* what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string detail = "TLS: ";
  detail += what;
  if (reason != nullptr)
    detail.append(": ").append(reason);
  ERR_clear_error();
  failed_ = failure{errc::request_malformed, std::move(detail)};
  return *failed_;
}

/// OpenSSL refuses to renegotiate with a warning and reads on. Nobody has a reason to ask, so that is the end
/// here.
void tls_transport::note_event(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
    transport_of(ssl)->has_asked_to_renegotiate_ = true;
}

void tls_transport::note_message(int is_written, int, int content_type, const void*, std::size_t, SSL* ssl,
                                 void*) {
  auto* self = transport_of(ssl);
  if (is_written == 0 && content_type == SSL3_RT_HANDSHAKE && self->is_established_)
    ++self->late_messages_;
}

} // namespace portcullis::net
