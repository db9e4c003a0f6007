#include "config/variable_kinds.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

/// What an edge is told by its environment.
namespace portcullis::config {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t addresses_max = 16;
constexpr std::size_t key_bytes_max = 512;

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// `http://host`, `https://host:port`, either with a path: no user, no query, no fragment. Without the slash at
/// its end.
std::optional<std::string> parse_url(std::string_view text) {
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https") || !is_printable(text)
      || text.find_first_of("@?#\\\"<>") != std::string_view::npos)
    return std::nullopt;
  const auto authority = text.substr(scheme_end + 3, text.find('/', scheme_end + 3) - scheme_end - 3);
  const bool has_port = authority.find(':', authority.rfind(']') + 1) != std::string_view::npos;
  std::string host;
  std::uint16_t port = 0;
  if (!parse_address(has_port ? std::string{authority} : std::string{authority} + ":80", &host, &port)
      || host.empty() || port == 0)
    return std::nullopt;
  const auto end = text.find_last_not_of('/');
  return std::string{text.substr(0, end + 1)};
}

std::optional<std::vector<std::string>> parse_urls(std::string_view text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    auto one = text.substr(at, comma - at);
    while (!one.empty() && one.front() == ' ')
      one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ')
      one.remove_suffix(1);
    auto url = parse_url(one);
    if (!url || std::find(all.begin(), all.end(), *url) != all.end())
      return std::nullopt;
    all.push_back(std::move(*url));
    at = comma + 1;
  }
  if (all.size() > addresses_max)
    return std::nullopt;
  return all;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts)
    out += (out.empty() ? "" : ",") + part;
  return out;
}

variable backend_url(const variable_maker& make) {
  variable v =
    make.make("BACKEND_URL", "1 to 16 http or https URLs without user, query and fragment, separated by commas",
              "where the service is; the first address that answers is used");
  v.is_required = true;
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    auto urls = parse_urls(text);
    if (!urls)
      return complaint;
    s.service.addresses = std::move(*urls);
    return std::string{};
  };
  v.show = [](const settings& s) { return join(s.service.addresses); };
  return v;
}

variable caller_key_file(const variable_maker& make) {
  variable v = make.make("CALLER_KEY_FILE", "the path of a file whose first line is a caller's key",
                         "the key that the edge shows the service as X-Caller-Key");
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    s.service.caller_key_file = text;
    std::ifstream file{s.service.caller_key_file};
    std::string line;
    std::getline(file, line);
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (line.empty() || line.size() > key_bytes_max || !is_printable(line))
      return complaint;
    s.service.caller_key = std::move(line);
    return std::string{};
  };
  v.show = [](const settings& s) { return s.service.caller_key_file; };
  return v;
}

std::vector<variable> essential_variables(const variable_maker& make) {
  return {
    make.addresses(
      "listen addresses; port 0 lets the system choose one; audiences are what is served beside probes"),
    backend_url(make),
    make.count("SESSION_CACHE_MAX_ENTRIES",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                  &session_memory::options::index, &session_index::options::entries_max),
               1, 100'000'000, "sessions held in memory; past it, the least recently used goes"),
    make.duration("SESSION_CACHE_TTL",
                  in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                     &session_memory::options::index, &session_index::options::entry_ttl),
                  milliseconds{100}, hours{24}, "a session held for longer is asked of the service again"),
    make.duration(
      "REVOCATION_MAX_STALENESS",
      in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
         &session_memory::options::staleness_max),
      milliseconds{10}, minutes{10},
      "past this without a read of the service's revocation log, each decision is asked of the service"),
    make.duration("REVOCATION_POLL_INTERVAL", in(&settings::revocation, &revocation_settings::poll_interval),
                  milliseconds{10}, minutes{1},
                  "time between two reads of the service's revocation log when nothing hints"),
    make.file("BACKEND_CA_FILE", in(&settings::service, &service_settings::ca_file),
              "authorities (PEM) by which the service is trusted; none: the system's"),
    make.file("BACKEND_CERT_FILE", in(&settings::service, &service_settings::certificate_file),
              "the edge's client certificate (PEM)"),
    make.file("BACKEND_KEY_FILE", in(&settings::service, &service_settings::key_file),
              "the key of the client certificate"),
    caller_key_file(make),
    make.duration(
      "FAIL_STATIC",
      in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::fail_static),
      milliseconds{0}, hours{24},
      "how long beyond the bound sessions that were live at the last contact go on when the service is away"),
    make.duration("VERDICT_MAX_AGE", in(&settings::session_cache, &session_cache_settings::verdict_max_age),
                  milliseconds{0}, minutes{10}, "how long a gateway may keep an answer that allows; 0s: no-store"),
  };
}

std::vector<variable> limit_variables(const variable_maker& make) {
  return {
    make.duration("BACKEND_CONNECT_TIMEOUT", in(&settings::service, &service_settings::connect_timeout),
                  milliseconds{10}, minutes{1}, "bound of an attempt to connect to an address"),
    make.duration("BACKEND_ATTEMPT_TIMEOUT", in(&settings::service, &service_settings::attempt_timeout),
                  milliseconds{10}, minutes{5},
                  "bound of one request at one address, past which the next is asked"),
    make.duration("BACKEND_OPERATION_TIMEOUT", in(&settings::service, &service_settings::operation_timeout),
                  milliseconds{10}, minutes{5}, "bound of one request at all addresses"),
    make.count("BACKEND_MAX_CONNECTIONS", in(&settings::service, &service_settings::connections_max), 1, 1000,
               "requests to the service at one time"),
    make.count("BACKEND_MAX_QUEUE", in(&settings::service, &service_settings::queue_max), 1, 1'000'000,
               "look-ups that wait for a request; past it callers get 503"),
    make.count("SESSION_CACHE_MAX_UNKNOWN",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                  &session_memory::options::unknown_entries_max),
               0, 100'000'000, "tokens remembered as never minted"),
    make.count("SESSION_CACHE_MAX_LOADS",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::loads_max), 1,
               1'000'000, "look-ups in flight; past it callers get 503"),
    make.count("HTTP_MAX_CONNECTIONS",
               in(&settings::http, &http_settings::limits, &http::server_limits::connections_max), 1, 1'000'000,
               "open connections"),
    make.count("HTTP_MAX_HEADER_BYTES",
               in(&settings::http, &http_settings::limits, &http::server_limits::reader,
                  &http::reader_limits::head_bytes_max),
               1024, 1024 * 1024, "request line and header section"),
    make.count("HTTP_MAX_PIPELINED",
               in(&settings::http, &http_settings::limits, &http::server_limits::pipelined_max), 1, 1024,
               "requests of one connection in flight"),
    make.count("HTTP_MAX_HELD_BYTES",
               in(&settings::http, &http_settings::limits, &http::server_limits::held_bytes_max), 16 * 1024 * 1024,
               std::size_t{64} * 1024 * 1024 * 1024,
               "input and output held for all connections; past it requests get 503"),
    make.duration("HTTP_IDLE_TIMEOUT",
                  in(&settings::http, &http_settings::limits, &http::server_limits::idle_timeout),
                  milliseconds{100}, hours{24}, "between two requests of a connection"),
    make.duration("SHUTDOWN_DELAY", in(&settings::http, &http_settings::shutdown_delay), milliseconds{0},
                  minutes{10}, "at a stop: /readyz fails and everything else is served for this long"),
    make.duration(
      "SHUTDOWN_TIMEOUT", in(&settings::http, &http_settings::drain_timeout), milliseconds{0}, minutes{10},
      "after that delay: for what has begun to arrive, and for idle connections to bring their next request"),
  };
}

} // namespace

std::vector<variable> edge_variables() {
  const variable_maker make{role::edge};
  std::vector<variable> all = essential_variables(make);
  for (auto& more : {log_variables(make), exporter_variables(make), access_variables(make), limit_variables(make)})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

} // namespace portcullis::config
