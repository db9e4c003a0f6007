#include "net/secret_memory.hpp"

#include <openssl/crypto.h>

#include <malloc.h>
#include <sanitizer/lsan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#pragma weak __lsan_register_root_region // only a build with the sanitizer has it

namespace portcullis::net {

namespace {

constexpr std::size_t piece_bytes_min = 32; // the smallest: a key of P-256 or X25519

// What is needed, each some times what was seen.
constexpr std::size_t process_bytes_max = std::size_t{1024} * 1024; // keys of files, those of old connections too
constexpr std::size_t connection_bytes_max = 256;                   // it keeps the key of its handshake
constexpr std::size_t thread_bytes_max = 1024;                      // its random numbers, and a connection

constexpr std::size_t wiped_bytes_max = 8 * 1024; // larger pieces are records and files of certificates, no keys

void wipe(void* piece) noexcept {
  if (const auto size = ::malloc_usable_size(piece); size <= wiped_bytes_max)
    OPENSSL_cleanse(piece, size);
}

// Nothing of no bytes, as OpenSSL's own functions have it.

void* take(std::size_t size, const char*, int) noexcept {
  return size == 0 ? nullptr : std::malloc(size);
}

void give_back(void* piece, const char*, int) noexcept {
  if (piece != nullptr)
    wipe(piece);
  std::free(piece);
}

/// Moves a small piece itself: the library's own would leave it behind as it was.
void* resize(void* piece, std::size_t size, const char* file, int line) noexcept {
  if (piece == nullptr)
    return take(size, file, line);
  if (size == 0) {
    give_back(piece, file, line);
    return nullptr;
  }
  const auto had = ::malloc_usable_size(piece);
  if (had > wiped_bytes_max)
    return std::realloc(piece, size);
  void* moved = std::malloc(size);
  if (moved == nullptr)
    return nullptr;
  std::memcpy(moved, piece, std::min(had, size));
  give_back(piece, file, line);
  return moved;
}

/// What is only pointed at from there is no leak. The whole of it is one piece as long as nobody has any.
void tell_leak_sanitizer(std::size_t bytes) noexcept {
  if (__lsan_register_root_region == nullptr)
    return;
  void* whole = OPENSSL_secure_malloc(bytes);
  if (whole != nullptr)
    __lsan_register_root_region(whole, bytes);
  OPENSSL_secure_free(whole);
}

} // namespace

std::size_t secret_memory_size(std::size_t connections_max, std::size_t threads_max) noexcept {
  const auto needed = process_bytes_max + connections_max * connection_bytes_max + threads_max * thread_bytes_max;
  auto size = process_bytes_max;
  while (size < needed)
    size *= 2; // it takes powers of two only
  return size;
}

secret_memory set_up_secret_memory(std::size_t bytes) noexcept {
  const int outcome = CRYPTO_secure_malloc_init(bytes, piece_bytes_min);
  if (outcome == 0)
    return secret_memory::ordinary;
  tell_leak_sanitizer(bytes);
  return outcome == 1 ? secret_memory::locked : secret_memory::unlocked; // usable, though something was refused
}

void wipe_what_openssl_frees() noexcept {
  CRYPTO_set_mem_functions(take, resize, give_back);
}

std::size_t secret_memory_used() noexcept {
  return CRYPTO_secure_used();
}

} // namespace portcullis::net
