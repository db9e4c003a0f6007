#pragma once

#include <cstddef>
#include <cstdint>

/// Memory for private keys, which OpenSSL takes from there by itself: of the listeners, of clients of the database
/// and of the service, those of a handshake, and what encrypts tickets. It has pages of its own between guards, is
/// not written to swap or to core files, and is wiped when given back.
namespace portcullis::net {

enum class secret_memory : std::uint8_t {
  locked,   // kept out of swap
  unlocked, // the system refuses that: keys are apart from all else, but may be swapped out
  ordinary, // there is none: keys are where everything is
};

/// How much a process needs that has so many connections over TLS, and so many threads that are each a client with
/// one. OpenSSL takes no other memory where this has run out: a handshake fails, and so does who asks for random
/// bytes. All of it counts towards RLIMIT_MEMLOCK; in use are only the pages that were needed.
std::size_t secret_memory_size(std::size_t connections_max, std::size_t threads_max) noexcept;

/// Before the first key is read. Once in a process.
secret_memory set_up_secret_memory(std::size_t bytes) noexcept;

/// Has OpenSSL wipe what it gives back of its ordinary memory, for it passes a private key through some while it
/// reads the file and leaves a copy behind. Before anything else of OpenSSL is used, else it is not done.
void wipe_what_openssl_frees() noexcept;

/// What is in use of it, in bytes.
std::size_t secret_memory_used() noexcept;

} // namespace portcullis::net
