#include "net/tls_bio.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace portcullis::net {

namespace {

tls_wire& wire_of(BIO* bio) noexcept {
  return *static_cast<tls_wire*>(BIO_get_data(bio));
}

int read_from_wire(BIO* bio, char* out, std::size_t size, std::size_t* taken) noexcept {
  BIO_clear_retry_flags(bio);
  auto& input = wire_of(bio).input;
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *taken = std::min(size, input.size());
  std::memcpy(out, input.data(), *taken);
  input.remove_prefix(*taken);
  return 1;
}

/// No exception may pass through OpenSSL's frames: no memory is an error of the BIO.
int write_to_wire(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) noexcept {
  BIO_clear_retry_flags(bio);
  auto* output = wire_of(bio).output;
  if (output == nullptr)
    return 0;
  try {
    output->insert(output->end(), bytes, bytes + size);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  *written = size;
  return 1;
}

long control(BIO*, int command, long, void*) noexcept {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bio_method_ptr make_method() {
  bio_method_ptr method{BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "portcullis wire")};
  if (method == nullptr || BIO_meth_set_read_ex(method.get(), read_from_wire) != 1
      || BIO_meth_set_write_ex(method.get(), write_to_wire) != 1 || BIO_meth_set_ctrl(method.get(), control) != 1)
    throw std::bad_alloc{};
  return method;
}

} // namespace

bio_ptr make_wire_bio(tls_wire* wire) {
  static const bio_method_ptr method = make_method();
  bio_ptr bio{BIO_new(method.get())};
  if (bio == nullptr)
    throw std::bad_alloc{};
  BIO_set_data(bio.get(), wire);
  BIO_set_init(bio.get(), 1);
  return bio;
}

} // namespace portcullis::net
