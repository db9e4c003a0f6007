#pragma once

#include "core/result.hpp"
#include "net/openssl_handles.hpp"

#include <cstddef>
#include <string>

/// Certificates and keys from files. A refusal names the file and the reason and never repeats what is in it.
namespace portcullis::net {

inline constexpr std::size_t pem_file_bytes_max = 1024 * 1024;

/// All certificates of a file, at least one.
result<certificates_ptr> read_certificates(const std::string& path);

/// The private key of a file, not encrypted: nobody is there to type a pass phrase.
result<key_ptr> read_private_key(const std::string& path);

} // namespace portcullis::net
