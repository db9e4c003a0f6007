#include "net/certificates.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace portcullis::test {

namespace {

void require(bool done, const char* what) {
  if (!done)
    throw std::runtime_error{what};
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void add_extension(X509* to, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  require(extension != nullptr && X509_add_ext(to, extension, -1) == 1, "add an extension");
  X509_EXTENSION_free(extension);
}

void set_serial(X509* certificate) {
  unsigned char bits[8];
  require(RAND_bytes(bits, sizeof bits) == 1, "random bytes");
  BIGNUM* number = BN_bin2bn(bits, sizeof bits, nullptr);
  require(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr, "set a serial number");
  BN_free(number);
}

} // namespace

temporary_folder::temporary_folder() {
  auto name = (std::filesystem::temp_directory_path() / "portcullis-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, "make a folder");
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string temporary_folder::write(const std::string& name, const std::string& content) const {
  std::ofstream{path(name), std::ios::binary | std::ios::trunc} << content;
  return path(name);
}

std::string temporary_folder::path(const std::string& name) const {
  return (path_ / name).string();
}

std::string identity::key_pem() const {
  const net::bio_ptr bio{BIO_new(BIO_s_mem())};
  require(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write a key");
  return text_of(bio.get());
}

std::string identity::certificate_pem() const {
  const net::bio_ptr bio{BIO_new(BIO_s_mem())};
  require(PEM_write_bio_X509(bio.get(), certificate.get()) == 1, "write a certificate");
  return text_of(bio.get());
}

identity make_identity(const certificate_wish& wish, const identity* issuer) {
  identity made{net::key_ptr{EVP_EC_gen("P-256")}, net::certificate_ptr{X509_new()}};
  X509* certificate = made.certificate.get();
  require(made.key != nullptr && certificate != nullptr, "make a key");
  X509_set_version(certificate, X509_VERSION_3);
  set_serial(certificate);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.valid_to_s);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints, wish.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!wish.alternative_names.empty())
    add_extension(certificate, signer, NID_subject_alt_name, wish.alternative_names);
  EVP_PKEY* key = issuer == nullptr ? made.key.get() : issuer->key.get();
  require(X509_sign(certificate, key, EVP_sha256()) > 0, "sign a certificate");
  return made;
}

} // namespace portcullis::test
