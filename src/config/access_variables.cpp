#include "config/variable_kinds.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace portcullis::config {

namespace {

/// One of a few words, each with its value.
template <class At, class T, std::size_t Size>
variable word(const variable_maker& make, std::string_view suffix, At at,
              const std::array<std::pair<std::string_view, T>, Size>& words, std::string takes,
              std::string_view help) {
  variable v = make.make(suffix, std::move(takes), help);
  v.set = [at, words, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    for (const auto& [known, value] : words)
      if (known == text) {
        at(s) = value;
        return std::string{};
      }
    return complaint;
  };
  v.show = [at, words](const settings& s) {
    for (const auto& [known, value] : words)
      if (value == at(s))
        return std::string{known};
    return std::string{};
  };
  return v;
}

std::optional<std::uint32_t> parse_positive(std::string_view text) {
  const auto value = parse_integer<std::uint32_t>(text);
  return value && *value > 0 ? value : std::nullopt;
}

/// `off` or `0`, or so many requests in so many seconds: `100/60s`.
bool parse_rate(std::string_view text, std::optional<trust::quota>* out) {
  constexpr std::uint32_t requests_max = 1'000'000'000;
  constexpr std::uint32_t window_max_s = 86'400;
  out->reset();
  if (text == "off" || text == "0")
    return true;
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || text.back() != 's')
    return false;
  const auto requests = parse_positive(text.substr(0, slash));
  const auto window = parse_positive(text.substr(slash + 1, text.size() - slash - 2));
  if (!requests || !window || *requests > requests_max || *window > window_max_s)
    return false;
  *out = trust::quota{*requests, *window};
  return true;
}

template <class At>
variable rate(const variable_maker& make, std::string_view suffix, At at, std::string_view help) {
  variable v = make.make(suffix, "off or 0, or requests/seconds such as 100/60s", help);
  v.set = [at, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    return parse_rate(text, &at(s)) ? std::string{} : complaint;
  };
  v.show = [at](const settings& s) {
    const auto& q = at(s);
    return q ? std::to_string(q->requests) + '/' + std::to_string(q->window_s) + 's' : std::string{"off"};
  };
  return v;
}

variable issuer(const variable_maker& make) {
  constexpr std::size_t length_max = 512;
  constexpr std::string_view scheme = "https://";
  variable v = make.make("OAUTH_ISSUER", "an https URL without query and fragment",
                         "issuer in OAuth's metadata and introspection; none: https and the request's Host");
  v.set = [=, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '?' && c != '#' && c != '@';
    });
    while (!text.empty() && text.back() == '/')
      text.remove_suffix(1);
    if (!is_plain || text.size() > length_max || text.size() <= scheme.size()
        || text.substr(0, scheme.size()) != scheme)
      return complaint;
    s.access.issuer = text;
    return std::string{};
  };
  v.show = [](const settings& s) { return s.access.issuer; };
  return v;
}

} // namespace

std::vector<variable> access_variables(const variable_maker& make) {
  using net::client_certificates;
  using net::tls_files;
  constexpr std::array<std::pair<std::string_view, client_certificates>, 3> certificates{{
    {"none", client_certificates::none},
    {"optional", client_certificates::optional},
    {"required", client_certificates::required},
  }};
  constexpr std::array<std::pair<std::string_view, bool>, 2> truth{{{"false", false}, {"true", true}}};
  return {
    make.file("TLS_CERT_FILE", in(&settings::tls, &tls_files::certificate),
              "PEM: the certificate of the listeners that have TLS, then its chain; read again when it changes"),
    make.file("TLS_KEY_FILE", in(&settings::tls, &tls_files::key),
              "PEM: the key of that certificate, not encrypted"),
    make.file("TLS_CLIENT_CA_FILE", in(&settings::tls, &tls_files::client_ca),
              "PEM: the authorities that issue certificates of clients"),
    word(make, "TLS_CLIENT_CERT", in(&settings::tls, &tls_files::clients), certificates,
         "none, optional or required", "whether TLS clients are asked for a certificate"),
    rate(make, "TLS_HANDSHAKE_RATE", in(&settings::access, &access_settings::handshake_rate),
         "TLS handshakes of one client address (IPv6: one /64), resumed ones as well; past it connections are "
         "closed"),
    make.file("CALLERS_FILE", in(&settings::access, &access_settings::callers_file),
              "JSON: who may ask and for what; read again when it changes; without it whoever reaches the port is "
              "believed"),
    word(make, "CALLERS_REQUIRED", in(&settings::access, &access_settings::callers_required), truth,
         "true or false", "do not start without a callers' file"),
    rate(make, "CALLER_RATE", in(&settings::access, &access_settings::caller_rate),
         "requests of each caller that has no rate of its own in the callers' file"),
    rate(make, "GUESS_RATE", in(&settings::access, &access_settings::guess_rate),
         "tokens shown by one caller that are answered 401; past it its look-ups are refused for a while"),
  };
}

std::vector<variable> client_variables(const variable_maker& make) {
  using trust::forwarding_field;
  constexpr std::array<std::pair<std::string_view, forwarding_field>, 2> fields{{
    {"X-Forwarded-For", forwarding_field::x_forwarded_for},
    {"Forwarded", forwarding_field::forwarded},
  }};
  return {
    word(make, "FORWARDED_FIELD", in(&settings::access, &access_settings::forwarding), fields,
         "X-Forwarded-For or Forwarded", "the field in which callers with public:forward tell a client's address"),
    make.count("FORWARDED_HOPS", in(&settings::access, &access_settings::forwarding_hops), 1,
               trust::forwarding_hops_max,
               "how many proxies in a row append an address to that field, the caller included"),
    rate(make, "GUEST_RATE", in(&settings::access, &access_settings::guest_rate),
         "guest sessions minted over the public route for one client address (IPv6: one /64)"),
    issuer(make),
  };
}

} // namespace portcullis::config
