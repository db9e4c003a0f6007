#include "trust/siphash.hpp"

#include <cstddef>

namespace portcullis::trust {

namespace {

constexpr std::uint64_t rotate(std::uint64_t x, int bits) noexcept {
  return x << bits | x >> (64 - bits);
}

struct state {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = rotate(v1, 13) ^ v0;
    v0 = rotate(v0, 32);
    v2 += v3;
    v3 = rotate(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotate(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotate(v1, 17) ^ v2;
    v2 = rotate(v2, 32);
  }

  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

/// Little-endian, from at most 8 bytes.
std::uint64_t word_of(std::string_view bytes) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return word;
}

} // namespace

std::uint64_t siphash(const siphash_key& key, std::string_view bytes) noexcept {
  state s{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
          key[1] ^ 0x7465646279746573};
  const auto size = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8))
    s.take(word_of(bytes.substr(0, 8)));
  s.take(word_of(bytes) | static_cast<std::uint64_t>(size & 0xff) << 56);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i)
    s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

} // namespace portcullis::trust
