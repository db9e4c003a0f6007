#include "net/tls_names.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <string_view>

namespace portcullis::net {

namespace {

constexpr std::size_t names_max = 64;
constexpr std::size_t name_bytes_max = 2048; // of a SPIFFE id (SPIFFE-ID, section 2.3)

bool is_uri(std::string_view text) noexcept {
  const auto scheme = text.substr(0, text.find(':'));
  return !scheme.empty() && scheme.size() < text.size() && ascii::to_lower(scheme[0]) >= 'a'
         && ascii::to_lower(scheme[0]) <= 'z'
         && std::all_of(scheme.begin(), scheme.end(),
                        [](char c) { return ascii::is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; })
         && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_dns_name(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return ascii::is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '*';
  });
}

std::string_view text_of(const ASN1_IA5STRING* text) noexcept {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

} // namespace

std::vector<std::string> subject_names(const X509* certificate) {
  std::vector<std::string> names;
  const general_names_ptr found{
    static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; i < sk_GENERAL_NAME_num(found.get()) && names.size() < names_max; ++i) {
    const auto* name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_URI) {
      const auto uri = text_of(name->d.uniformResourceIdentifier);
      if (uri.size() <= name_bytes_max && is_uri(uri))
        names.emplace_back(uri);
    } else if (name->type == GEN_DNS) {
      std::string dns{text_of(name->d.dNSName)};
      if (dns.size() <= name_bytes_max && is_dns_name(dns)) {
        std::transform(dns.begin(), dns.end(), dns.begin(), ascii::to_lower);
        names.push_back(std::move(dns));
      }
    }
  }
  return names;
}

} // namespace portcullis::net
