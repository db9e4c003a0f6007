#include "net/tls_context.hpp"

#include "net/pem_files.hpp"
#include "net/tls_transport.hpp"

#include <openssl/err.h>

#include <ctime>
#include <new>
#include <string_view>

namespace portcullis::net {

namespace {

constexpr long session_seconds_max = 3600;       // that a ticket can be resumed
constexpr long peer_chain_bytes_max = 32 * 1024; // of a client's certificates
constexpr int peer_chain_depth_max = 8;
constexpr int security_level = 2; // at least 112 bits: RSA of 2048, no SHA-1

// Forward secrecy and authenticated encryption; those of TLS 1.3 all have both.
constexpr char ciphers_of_tls_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

constexpr unsigned char session_id_context[] = "portcullis";

/// The one protocol that we speak, as ALPN writes it: its length and its name.
constexpr unsigned char alpn_http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

void require(bool done) {
  if (!done)
    throw std::bad_alloc{}; // what is asked for is constant: only memory can be missing
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int size, void*) {
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, length, alpn_http_1_1, sizeof alpn_http_1_1, offered, size)
      != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

ssl_ctx_ptr make_native() {
  ssl_ctx_ptr ctx{SSL_CTX_new(TLS_server_method())};
  require(ctx != nullptr);
  SSL_CTX_set_security_level(ctx.get(), security_level);
  require(SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION) == 1);
  require(SSL_CTX_set_max_proto_version(ctx.get(), TLS1_3_VERSION) == 1);
  require(SSL_CTX_set_cipher_list(ctx.get(), ciphers_of_tls_1_2) == 1);
  SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  require(SSL_CTX_set_max_early_data(ctx.get(), 0) == 1);
  SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF); // tickets hold the state
  SSL_CTX_set_timeout(ctx.get(), session_seconds_max);
  require(SSL_CTX_set_session_id_context(ctx.get(), session_id_context, sizeof session_id_context - 1) == 1);
  SSL_CTX_set_max_cert_list(ctx.get(), peer_chain_bytes_max);
  SSL_CTX_set_alpn_select_cb(ctx.get(), choose_protocol, nullptr);
  SSL_CTX_set_info_callback(ctx.get(), &tls_transport::note_event);
  SSL_CTX_set_msg_callback(ctx.get(), &tls_transport::note_message);
  return ctx;
}

std::time_t seconds_of(const ASN1_TIME* when) {
  std::tm parts{};
  return ASN1_TIME_to_tm(when, &parts) == 1 ? ::timegm(&parts) : 0;
}

failure refuse(std::string why) {
  return {errc::value_unacceptable, std::move(why)};
}

result<void> check_validity(const std::string& path, X509* certificate, tls_context::time_point now) {
  auto seconds = tls_context::time_point::clock::to_time_t(now);
  if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) > 0)
    return refuse("the certificate in " + path + " is not valid yet");
  if (X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0)
    return refuse("the certificate in " + path + " has expired");
  return {};
}

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = reason == nullptr ? "unknown reason" : reason;
  ERR_clear_error();
  return text;
}

/// The server's own certificate, which it returns, and its key.
result<certificate_ptr> use_pair(SSL_CTX* ctx, const tls_files& files, tls_context::time_point now) {
  auto chain = read_certificates(files.certificate);
  if (!chain)
    return std::move(chain).error();
  auto key = read_private_key(files.key);
  if (!key)
    return std::move(key).error();
  certificate_ptr leaf{sk_X509_shift(chain->get())};
  ERR_clear_error();
  if (X509_check_private_key(leaf.get(), key->get()) != 1) {
    ERR_clear_error();
    return refuse("the key in " + files.key + " does not belong to the certificate in " + files.certificate);
  }
  if (auto valid = check_validity(files.certificate, leaf.get(), now); !valid)
    return std::move(valid).error();
  if (SSL_CTX_use_cert_and_key(ctx, leaf.get(), key->get(), chain->get(), 1) != 1)
    return refuse("the certificate in " + files.certificate + " cannot be used: " + openssl_reason());
  return leaf;
}

result<void> ask_clients(SSL_CTX* ctx, const tls_files& files) {
  if (files.clients == client_certificates::none)
    return {};
  if (files.client_ca.empty())
    return refuse("certificates of clients can only be checked with a file of the authorities that issue them");
  auto authorities = read_certificates(files.client_ca);
  if (!authorities)
    return std::move(authorities).error();
  for (int i = 0; i < sk_X509_num(authorities->get()); ++i) {
    X509* authority = sk_X509_value(authorities->get(), i);
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) == 1);
    require(SSL_CTX_add_client_CA(ctx, authority) == 1);
  }
  const int required = files.clients == client_certificates::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | required, nullptr);
  SSL_CTX_set_verify_depth(ctx, peer_chain_depth_max);
  return {};
}

} // namespace

result<std::shared_ptr<const tls_context>> tls_context::load(const tls_files& files, time_point now) {
  auto ctx = make_native();
  auto leaf = use_pair(ctx.get(), files, now);
  if (!leaf)
    return std::move(leaf).error();
  if (auto asked = ask_clients(ctx.get(), files); !asked)
    return std::move(asked).error();
  std::shared_ptr<tls_context> made{new tls_context};
  made->native_ = ctx.release();
  made->expires_at_ = time_point::clock::from_time_t(seconds_of(X509_get0_notAfter(leaf->get())));
  return std::shared_ptr<const tls_context>{std::move(made)};
}

tls_context::~tls_context() {
  SSL_CTX_free(native_);
}

} // namespace portcullis::net
