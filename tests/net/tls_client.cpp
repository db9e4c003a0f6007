#include "net/tls_client.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <stdexcept>

namespace portcullis::test {

namespace {

void require(bool done, const char* what) {
  if (!done)
    throw std::runtime_error{what};
}

} // namespace

tls_world::tls_world() {
  folder.write("server.pem", server.certificate_pem());
  folder.write("server.key", server.key_pem());
  folder.write("ca.pem", authority.certificate_pem());
}

net::tls_files tls_world::files(net::client_certificates clients) const {
  return {folder.path("server.pem"), folder.path("server.key"), folder.path("ca.pem"), clients};
}

std::shared_ptr<const net::tls_context> tls_world::context(net::client_certificates clients) const {
  auto loaded = net::tls_context::load(files(clients), std::chrono::system_clock::now());
  if (!loaded)
    throw std::runtime_error{loaded.error().detail};
  return *loaded;
}

tls_client::tls_client(const identity& trusts, const client_wish& wish) : ctx_(SSL_CTX_new(TLS_client_method())) {
  if (wish.version_max < TLS1_2_VERSION) // OpenSSL has them at security level 0 alone
    require(SSL_CTX_set_cipher_list(ctx_.get(), "ALL:@SECLEVEL=0") == 1, "old ciphers");
  SSL_CTX_set_min_proto_version(ctx_.get(), wish.version_min);
  SSL_CTX_set_max_proto_version(ctx_.get(), wish.version_max);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx_.get()), trusts.certificate.get());
  SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER, nullptr);
  std::string protocols;
  for (const auto& name : wish.protocols)
    protocols.append(1, static_cast<char>(name.size())).append(name);
  SSL_CTX_set_alpn_protos(ctx_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
  if (wish.shows != nullptr)
    require(SSL_CTX_use_cert_and_key(ctx_.get(), wish.shows->certificate.get(), wish.shows->key.get(), nullptr, 1)
              == 1,
            "use a certificate");
  ssl_.reset(SSL_new(ctx_.get()));
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_tlsext_host_name(ssl_.get(), "localhost");
  SSL_set1_host(ssl_.get(), "localhost");
  if (wish.resumes != nullptr)
    require(SSL_set_session(ssl_.get(), wish.resumes) == 1, "resume");
  SSL_set_connect_state(ssl_.get());
}

void tls_client::advance() {
  ERR_clear_error();
  char bytes[16384];
  for (;;) {
    std::size_t got = 0;
    const int rc = SSL_is_init_finished(ssl_.get()) ? SSL_read_ex(ssl_.get(), bytes, sizeof bytes, &got)
                                                    : SSL_do_handshake(ssl_.get());
    if (rc == 1) {
      plain_.append(bytes, got);
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), rc);
    has_failed_ |= error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN;
    return;
  }
}

std::string tls_client::take_output() {
  std::string out(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())), '\0');
  if (!out.empty())
    require(BIO_read(SSL_get_wbio(ssl_.get()), out.data(), static_cast<int>(out.size())) > 0, "read a BIO");
  return out;
}

std::string tls_client::receive(std::string_view from_wire) {
  if (!from_wire.empty())
    BIO_write(SSL_get_rbio(ssl_.get()), from_wire.data(), static_cast<int>(from_wire.size()));
  advance();
  return take_output();
}

std::string tls_client::send(std::string_view plain) {
  std::size_t taken = 0;
  ERR_clear_error();
  require(SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken) == 1, "write");
  return take_output();
}

std::string tls_client::close() {
  SSL_shutdown(ssl_.get());
  return take_output();
}

bool tls_client::is_established() const {
  return SSL_is_init_finished(ssl_.get()) == 1;
}

std::string tls_client::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

tls_pair::tls_pair(std::shared_ptr<const net::tls_context> context, const identity& trusts,
                   const client_wish& wish)
  : server(std::move(context)), client(trusts, wish) {}

void tls_pair::to_server(std::string_view bytes) {
  auto done = server.receive(bytes, plain, to_wire);
  if (!done && failure.empty())
    failure = done.error().detail;
}

void tls_pair::server_sends(std::string_view bytes) {
  auto done = server.send(bytes, to_wire);
  if (!done && failure.empty())
    failure = done.error().detail;
}

void tls_pair::run(const std::function<std::size_t()>& piece) {
  to_read += client.receive({});
  while (!to_read.empty() || !to_wire.empty()) {
    if (!to_read.empty()) {
      const auto part = to_read.substr(0, std::max<std::size_t>(piece(), 1));
      to_read.erase(0, part.size());
      to_server(part);
    }
    const auto size = std::min(std::max<std::size_t>(piece(), 1), to_wire.size());
    const std::string part(to_wire.begin(), to_wire.begin() + static_cast<std::ptrdiff_t>(size));
    to_wire.erase(to_wire.begin(), to_wire.begin() + static_cast<std::ptrdiff_t>(size));
    to_read += client.receive(part);
  }
}

void tls_pair::run(std::size_t piece) {
  run([piece] { return piece; });
}

} // namespace portcullis::test
