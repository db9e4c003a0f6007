#pragma once

#include "net/openssl_handles.hpp"
#include "net/transport.hpp"

#include <string_view>

namespace portcullis::net {

/// What OpenSSL reads from and writes to while one call lasts: the caller's own memory. Between calls there is
/// nothing to read and nothing may be written.
struct tls_wire {
  std::string_view input;
  byte_buffer* output = nullptr;
};

/// A BIO over `wire`, which outlives it. Unlike OpenSSL's own memory BIO it keeps and copies nothing, so that an
/// idle connection holds no buffer.
bio_ptr make_wire_bio(tls_wire* wire);

} // namespace portcullis::net
