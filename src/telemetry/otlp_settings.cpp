#include "telemetry/otlp_settings.hpp"

#include "core/ascii.hpp"
#include "core/percent.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace portcullis::tracing {

namespace {

constexpr std::string_view prefix = "OTEL_EXPORTER_OTLP_";
constexpr std::int64_t port_max = 65'535;

std::optional<std::int64_t> parse_whole(std::string_view text, std::int64_t max) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= max;
  return is_whole ? std::optional{value} : std::nullopt;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto size = percent_decode(text, false, out.data());
  if (!size)
    return std::nullopt;
  out.resize(*size);
  return out;
}

bool is_visible(char c) noexcept {
  return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
}

bool is_host(std::string_view text) noexcept {
  if (text.empty())
    return false;
  if (text.front() == '[')
    return text.size() > 2 && text.find(']') == text.size() - 1;
  return text.find_first_of("[]:") == std::string_view::npos;
}

/// `host`, `host:port`, the host a name or an address, one of IPv6 in brackets.
bool is_authority(std::string_view text) noexcept {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos)
    return is_host(text);
  return is_host(text.substr(0, colon)) && parse_whole(text.substr(colon + 1), port_max);
}

struct endpoint {
  std::string url; // without what it says of a user
  std::string credentials;
};

/// Of `http` or `https`, which is `http` where nothing is said.
std::optional<endpoint> parse_endpoint(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_visible))
    return std::nullopt;
  std::string_view scheme = "http";
  if (const auto mark = text.find("://"); mark != std::string_view::npos) {
    scheme = text.substr(0, mark);
    text.remove_prefix(mark + 3);
  }
  if (!ascii::iequals(scheme, "http") && !ascii::iequals(scheme, "https"))
    return std::nullopt;
  auto authority = text.substr(0, text.find_first_of("/?#"));
  const auto rest = text.substr(authority.size());
  endpoint out;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    auto credentials = decode(authority.substr(0, at));
    if (!credentials)
      return std::nullopt;
    out.credentials = std::move(*credentials);
    authority.remove_prefix(at + 1);
  }
  if (!is_authority(authority))
    return std::nullopt;
  out.url.append(scheme).append("://").append(authority).append(rest);
  return out;
}

/// The address of a signal below the one of all: before its query, if it has one.
std::string below(std::string_view base, std::string_view signal) {
  const auto path = base.substr(0, base.find_first_of("?#"));
  std::string out{path.substr(0, path.find_last_not_of('/') + 1)};
  out.append("/v1/");
  for (const char c : signal)
    out += ascii::to_lower(c);
  return out.append(base.substr(path.size()));
}

bool is_field_name(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return ascii::is_alphanumeric(c) || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

/// Of a header field: nothing that could end its line.
bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c) || c == ' ' || c == '\t'; });
}

std::optional<text_pairs> parse_headers(std::string_view text) {
  auto pairs = parse_pairs(text);
  const auto is_field = [](const auto& pair) { return is_field_name(pair.first) && is_field_value(pair.second); };
  if (pairs && !std::all_of(pairs->begin(), pairs->end(), is_field))
    return std::nullopt;
  return pairs;
}

/// Those for all signals, and those of one, which come before.
text_pairs merged(text_pairs all, text_pairs own) {
  const auto is_own = [&own](const auto& pair) {
    return std::any_of(own.begin(), own.end(),
                       [&](const auto& other) { return ascii::iequals(other.first, pair.first); });
  };
  all.erase(std::remove_if(all.begin(), all.end(), is_own), all.end());
  all.insert(all.end(), own.begin(), own.end());
  return all;
}

class signal_reader {
public:
  signal_reader(std::string_view signal, const std::function<std::string_view(const char*)>& get,
                std::vector<std::string>& unusable)
    : signal_{signal}, get_{get}, unusable_{unusable} {}

  /// Of the signal's own variable, or else of the one for all: what `parse` makes of it.
  template <class Parse>
  auto read(std::string_view what, Parse parse) const -> decltype(parse(std::string_view{})) {
    const std::string own = own_name(what);
    return text(own).empty() ? use(general_name(what), parse) : use(own, parse);
  }

  /// Of this variable; nothing if it is not set.
  template <class Parse>
  auto use(const std::string& name, Parse parse) const -> decltype(parse(std::string_view{})) {
    const auto given = text(name);
    if (given.empty())
      return {};
    auto value = parse(given);
    if (!value && std::find(unusable_.begin(), unusable_.end(), name) == unusable_.end())
      unusable_.push_back(name);
    return value;
  }

  std::string own_name(std::string_view what) const {
    return std::string{prefix}.append(signal_).append("_").append(what);
  }

  static std::string general_name(std::string_view what) {
    return std::string{prefix}.append(what);
  }

private:
  std::string_view text(const std::string& name) const {
    return ascii::trim(get_(name.c_str()), ascii::white_space);
  }

  const std::string_view signal_;
  const std::function<std::string_view(const char*)>& get_;
  std::vector<std::string>& unusable_;
};

endpoint read_endpoint(const signal_reader& from, std::string_view signal) {
  if (auto own = from.use(from.own_name("ENDPOINT"), parse_endpoint))
    return std::move(*own);
  auto base = from.use(signal_reader::general_name("ENDPOINT"), parse_endpoint)
                .value_or(endpoint{"http://localhost:4318", ""});
  base.url = below(base.url, signal);
  return base;
}

/// True for the second of two words.
auto one_of(std::string_view no, std::string_view yes) {
  return
    [=](std::string_view text) { return text == yes || text == no ? std::optional{text == yes} : std::nullopt; };
}

std::optional<std::string> as_is(std::string_view text) {
  return std::string{text};
}

} // namespace

std::optional<text_pairs> parse_pairs(std::string_view text) {
  text_pairs out;
  while (!text.empty()) {
    const auto one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    if (ascii::trim(one, " \t").empty())
      continue;
    const auto mark = std::min(one.find('='), one.size());
    auto key = decode(ascii::trim(one.substr(0, mark), " \t"));
    auto value = decode(ascii::trim(one.substr(std::min(mark + 1, one.size())), " \t"));
    if (mark == one.size() || !key || key->empty() || !value)
      return std::nullopt;
    out.emplace_back(std::move(*key), std::move(*value));
  }
  return out;
}

otlp_settings read_otlp_settings(std::string_view signal, const std::function<std::string_view(const char*)>& get,
                                 std::vector<std::string>& unusable) {
  constexpr std::int64_t milliseconds_max = 3'600'000; // an hour
  const signal_reader from{signal, get, unusable};
  otlp_settings out;
  auto to = read_endpoint(from, signal);
  out.url = std::move(to.url);
  out.credentials = std::move(to.credentials);
  out.headers = merged(from.use(signal_reader::general_name("HEADERS"), parse_headers).value_or(text_pairs{}),
                       from.use(from.own_name("HEADERS"), parse_headers).value_or(text_pairs{}));
  const auto whole = [](std::string_view text) { return parse_whole(text, milliseconds_max); };
  if (const auto timeout = from.read("TIMEOUT", whole))
    out.timeout = std::chrono::milliseconds{*timeout};
  out.is_json = from.read("PROTOCOL", one_of("http/protobuf", "http/json")).value_or(false);
  out.is_gzip = from.read("COMPRESSION", one_of("none", "gzip")).value_or(false);
  out.ca_file = from.read("CERTIFICATE", as_is).value_or("");
  out.certificate_file = from.read("CLIENT_CERTIFICATE", as_is).value_or("");
  out.key_file = from.read("CLIENT_KEY", as_is).value_or("");
  return out;
}

} // namespace portcullis::tracing
