#include "trust/authenticate.hpp"

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "trust/caller_key.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdint>

namespace portcullis::trust {

namespace {

/// The value of a digit of base64 (RFC 4648, section 4), or -1.
constexpr int base64_value(char c) noexcept {
  return c >= 'A' && c <= 'Z'   ? c - 'A'
         : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '+'             ? 62
         : c == '/'             ? 63
                                : -1;
}

/// Decodes into `out`, which is large enough; nothing when it is not base64. Padding may be left out; bits that
/// mean nothing must be 0, so that one secret has one form.
std::optional<std::size_t> base64_decode(std::string_view text, char* out) noexcept {
  const bool is_padded = text.size() % 4 == 0;
  for (int i = 0; is_padded && i < 2 && !text.empty() && text.back() == '='; ++i)
    text.remove_suffix(1);
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t size = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0)
      return {};
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[size++] = static_cast<char>(bits >> count & 0xff);
    }
  }
  const bool is_whole = count < 6 && (bits & ((1u << count) - 1)) == 0;
  return is_whole ? std::optional{size} : std::nullopt;
}

const caller* find_by_key(std::string_view key, const caller_registry& registry) {
  return is_caller_key_form(key) ? registry.find_key(hash_token(key)) : nullptr;
}

const caller* find_by_name_and_key(std::string_view name, std::string_view key, const caller_registry& registry) {
  const auto* found = find_by_key(key, registry);
  return found != nullptr && found->name == name ? found : nullptr;
}

/// What the credentials looked at so far say.
class finding {
public:
  /// Takes what one of them names, null for nobody.
  void take(const caller* named) noexcept {
    contradicts_ |= named == nullptr || (who_ != nullptr && who_ != named);
    who_ = named;
  }
  const caller* who() const noexcept {
    return contradicts_ ? nullptr : who_;
  }

private:
  const caller* who_ = nullptr;
  bool contradicts_ = false;
};

} // namespace

basic_credentials::basic_credentials(std::string_view authorization) noexcept {
  constexpr std::string_view scheme = "basic ";
  if (authorization.size() < scheme.size())
    return;
  are_given_ = std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                          [](char a, char b) { return a == ascii::to_lower(b); });
  const auto encoded = ascii::trim(authorization.substr(scheme.size()), " ");
  if (!are_given_ || encoded.size() > encoded_bytes_max)
    return;
  const auto size = base64_decode(encoded, decoded_);
  const std::string_view both{decoded_, size.value_or(0)};
  const auto colon = both.find(':');
  if (colon == std::string_view::npos)
    return;
  const auto name_size = percent_decode(both.substr(0, colon), true, decoded_);
  char* const key = decoded_ + colon + 1;
  const auto key_size = percent_decode(both.substr(colon + 1), true, key);
  if (!name_size || !key_size)
    return;
  name_ = {decoded_, *name_size};
  key_ = {key, *key_size};
  are_well_formed_ = true;
}

basic_credentials::~basic_credentials() {
  OPENSSL_cleanse(decoded_, sizeof decoded_);
}

result<const caller*> authenticate(const credentials& presented, const caller_registry& registry) {
  finding found;
  if (!presented.key_header.empty())
    found.take(find_by_key(presented.key_header, registry));
  if (const basic_credentials basic{presented.authorization}; basic.are_given())
    found.take(basic.are_well_formed() ? find_by_name_and_key(basic.name(), basic.key(), registry) : nullptr);
  if (presented.client_secret)
    found.take(find_by_name_and_key(presented.client_id.value_or(""), *presented.client_secret, registry));
  if (presented.certificate_names != nullptr)
    for (const auto& name : *presented.certificate_names)
      if (const auto* named = registry.find_certificate(name))
        found.take(named);
  if (found.who() == nullptr)
    return failure{errc::caller_unknown, "the caller did not prove who it is"};
  return found.who();
}

} // namespace portcullis::trust
