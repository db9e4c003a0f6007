#include "net/pem_files.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdio>
#include <new>
#include <system_error>
#include <vector>

namespace portcullis::net {

namespace {

failure refuse(const std::string& path, const std::string& why) {
  return {errc::value_unacceptable, path + ' ' + why};
}

/// A file's content, which is wiped: it may be a key.
class file_content {
public:
  file_content() = default;
  file_content(file_content&&) = default;
  file_content& operator=(file_content&&) = default;
  ~file_content() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
  }

  static result<file_content> read(const std::string& path);

  bio_ptr as_bio() const {
    bio_ptr bio{BIO_new_mem_buf(bytes_.data(), static_cast<int>(bytes_.size()))};
    if (bio == nullptr)
      throw std::bad_alloc{};
    return bio;
  }

private:
  std::vector<char> bytes_;
};

struct file_closer {
  void operator()(std::FILE* f) const noexcept {
    std::fclose(f);
  }
};

result<file_content> file_content::read(const std::string& path) {
  const std::unique_ptr<std::FILE, file_closer> file{std::fopen(path.c_str(), "rb")};
  if (file == nullptr)
    return refuse(path, "cannot be read: " + std::generic_category().message(errno));
  std::setvbuf(file.get(), nullptr, _IONBF, 0); // no copy of a key in a buffer that nobody wipes
  file_content content;
  content.bytes_.resize(pem_file_bytes_max + 1); // once, so that growing leaves no copies
  errno = 0;
  const auto size = std::fread(content.bytes_.data(), 1, content.bytes_.size(), file.get());
  if (std::ferror(file.get()) != 0)
    return refuse(path, "cannot be read: " + std::generic_category().message(errno));
  if (size > pem_file_bytes_max)
    return refuse(path, "is larger than " + std::to_string(pem_file_bytes_max) + " bytes");
  content.bytes_.resize(size);
  return content;
}

/// OpenSSL's own would ask at the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return 0;
}

/// Whether the reader stopped because there is nothing more of the kind.
bool is_end_of_pem() noexcept {
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

} // namespace

result<certificates_ptr> read_certificates(const std::string& path) {
  auto content = file_content::read(path);
  if (!content)
    return std::move(content).error();
  const auto bio = content->as_bio();
  certificates_ptr found{sk_X509_new_null()};
  ERR_clear_error();
  while (certificate_ptr next{PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr)}) {
    if (sk_X509_push(found.get(), next.get()) == 0)
      throw std::bad_alloc{};
    (void)next.release(); // the stack's now
  }
  const bool is_whole = is_end_of_pem();
  ERR_clear_error();
  if (!is_whole)
    return refuse(path, "holds a certificate that cannot be read");
  if (sk_X509_num(found.get()) == 0)
    return refuse(path, "holds no certificate in PEM form");
  return found;
}

result<key_ptr> read_private_key(const std::string& path) {
  auto content = file_content::read(path);
  if (!content)
    return std::move(content).error();
  ERR_clear_error();
  key_ptr key{PEM_read_bio_PrivateKey(content->as_bio().get(), nullptr, no_pass_phrase, nullptr)};
  ERR_clear_error();
  if (key == nullptr)
    return refuse(path, "holds no private key in PEM form, or one under a pass phrase");
  return key;
}

} // namespace portcullis::net
