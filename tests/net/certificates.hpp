#pragma once

#include "net/openssl_handles.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace portcullis::test {

/// A folder of its own that goes with it.
class temporary_folder {
public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();

  /// Writes (or overwrites) a file and returns its path.
  std::string write(const std::string& name, const std::string& content) const;
  std::string path(const std::string& name) const;

private:
  std::filesystem::path path_;
};

/// A key and its certificate.
struct identity {
  net::key_ptr key;
  net::certificate_ptr certificate;

  std::string key_pem() const;
  std::string certificate_pem() const;
};

struct certificate_wish {
  std::string common_name = "test";
  std::string alternative_names; // as OpenSSL's configuration has them: "DNS:a.example,URI:spiffe://b/c"
  long valid_from_s = -3600;     // from now
  long valid_to_s = 3600;
  bool is_authority = false;
};

/// Of an elliptic curve. Without an issuer it signs itself.
identity make_identity(const certificate_wish& wish, const identity* issuer = nullptr);

} // namespace portcullis::test
