#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

/// OpenSSL's objects, each freed once.
namespace portcullis::net {

struct openssl_deleter {
  void operator()(BIO* b) const noexcept {
    BIO_free(b);
  }
  void operator()(BIO_METHOD* m) const noexcept {
    BIO_meth_free(m);
  }
  void operator()(EVP_PKEY* k) const noexcept {
    EVP_PKEY_free(k);
  }
  void operator()(X509* c) const noexcept {
    X509_free(c);
  }
  void operator()(STACK_OF(X509) * s) const noexcept {
    sk_X509_pop_free(s, X509_free);
  }
  void operator()(GENERAL_NAMES* n) const noexcept {
    GENERAL_NAMES_free(n);
  }
  void operator()(SSL_CTX* c) const noexcept {
    SSL_CTX_free(c);
  }
  void operator()(SSL* s) const noexcept {
    SSL_free(s);
  }
};

using bio_ptr = std::unique_ptr<BIO, openssl_deleter>;
using bio_method_ptr = std::unique_ptr<BIO_METHOD, openssl_deleter>;
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_deleter>;
using certificate_ptr = std::unique_ptr<X509, openssl_deleter>;
using certificates_ptr = std::unique_ptr<STACK_OF(X509), openssl_deleter>;
using general_names_ptr = std::unique_ptr<GENERAL_NAMES, openssl_deleter>;
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, openssl_deleter>;
using ssl_ptr = std::unique_ptr<SSL, openssl_deleter>;

} // namespace portcullis::net
