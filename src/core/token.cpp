#include "core/token.hpp"

#include "core/ascii.hpp"
#include "core/base62.hpp"
#include "core/crc32.hpp"
#include "core/hex.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>

namespace portcullis {

namespace {

constexpr std::array<std::uint8_t, 32> all_ones() noexcept {
  std::array<std::uint8_t, 32> bytes{};
  for (auto& byte : bytes)
    byte = 0xff;
  return bytes;
}

constexpr auto body_max = base62::encode(all_ones()); // 2^256 - 1

static_assert(token::prefix.size() == secret_text::prefix_length);
static_assert(body_max.size() == secret_text::body_length);

/// Nothing that this process does is safe without these primitives, and they fail only when memory or entropy is
/// out.
[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "portcullis: OpenSSL cannot %s\n", what);
  std::abort();
}

struct digest_deleter {
  void operator()(EVP_MD* md) const noexcept {
    EVP_MD_free(md);
  }
  void operator()(EVP_MD_CTX* ctx) const noexcept {
    EVP_MD_CTX_free(ctx);
  }
};

/// Fetching an algorithm by name takes a lock and a search (OpenSSL 3): once per process.
const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, digest_deleter> md{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  return md.get();
}

using digest_context = std::unique_ptr<EVP_MD_CTX, digest_deleter>;

digest_context make_digest_context() {
  digest_context ctx{EVP_MD_CTX_new()};
  if (ctx == nullptr || EVP_DigestInit_ex2(ctx.get(), sha256(), nullptr) != 1)
    die("make a SHA-256 context");
  return ctx;
}

} // namespace

bool operator==(const token_hash& a, const token_hash& b) noexcept {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

std::string to_hex(const token_hash& hash) {
  std::string text(2 * hash.bytes.size(), '\0');
  hex::write(hash.bytes.data(), hash.bytes.size(), text.data());
  return text;
}

secret_text::secret_text(std::string_view prefix, const std::array<std::uint8_t, 32>& bits) {
  assert(prefix.size() == prefix_length);
  auto* out = std::copy(prefix.begin(), prefix.end(), text_.begin());
  auto body = base62::encode(bits);
  out = std::copy(body.begin(), body.end(), out);
  OPENSSL_cleanse(body.data(), body.size());
  const auto checksum = base62::encode(crc32({text_.data(), prefix_length + body_length}));
  std::copy(checksum.begin(), checksum.end(), out);
}

secret_text::~secret_text() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

std::string_view secret_text::reveal() const noexcept {
  return {text_.data(), text_.size()};
}

token_hash secret_text::hash() const {
  return hash_token(reveal());
}

bool is_secret_form(std::string_view text, std::string_view prefix) noexcept {
  if (text.size() != secret_text::text_length || text.substr(0, secret_text::prefix_length) != prefix)
    return false;
  const auto body = text.substr(secret_text::prefix_length, secret_text::body_length);
  const auto checksum = text.substr(secret_text::prefix_length + secret_text::body_length);
  if (ascii::any_of(body, [](char c) { return !base62::is_digit(c); })
      || body > std::string_view{body_max.data(), body_max.size()})
    return false;
  const auto expected =
    base62::encode(crc32(text.substr(0, secret_text::prefix_length + secret_text::body_length)));
  return checksum == std::string_view{expected.data(), expected.size()};
}

token token::from_random(const std::array<std::uint8_t, 32>& bits) {
  return token{bits};
}

bool is_token_form(std::string_view text) noexcept {
  return is_secret_form(text, token::prefix);
}

token_hash hash_token(std::string_view text) {
  thread_local const digest_context ctx = make_digest_context();
  token_hash hash;
  // Without a type the context starts over with the one that it has.
  if (EVP_DigestInit_ex2(ctx.get(), nullptr, nullptr) != 1
      || EVP_DigestUpdate(ctx.get(), text.data(), text.size()) != 1
      || EVP_DigestFinal_ex(ctx.get(), hash.bytes.data(), nullptr) != 1)
    die("compute SHA-256");
  return hash;
}

void fill_random(std::uint8_t* out, std::size_t size) {
  while (size > 0) {
    const auto part = std::min<std::size_t>(size, std::numeric_limits<int>::max());
    if (RAND_bytes(out, static_cast<int>(part)) != 1)
      die("gather random bytes");
    out += part;
    size -= part;
  }
}

} // namespace portcullis
