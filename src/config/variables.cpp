#include "config/variables.hpp"

#include "core/time.hpp"
#include "db/connection.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace portcullis::config {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

template <class T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

// `at` is made by `in`, below.
template <class At>
variable count(std::string_view name, At at, std::size_t min, std::size_t max, std::string_view help) {
  variable v;
  v.name = name;
  v.help = help;
  v.takes = "an integer from " + std::to_string(min) + " to " + std::to_string(max);
  v.set = [at, min, max, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const auto value = parse_integer<std::size_t>(text);
    if (!value || *value < min || *value > max)
      return complaint;
    at(s) = *value;
    return std::string{};
  };
  v.show = [at](const settings& s) { return std::to_string(at(s)); };
  return v;
}

template <class At>
variable duration(std::string_view name, At at, milliseconds min, milliseconds max, std::string_view help) {
  variable v;
  v.name = name;
  v.help = help;
  const settings defaults;
  v.takes = "a duration from " + to_go_duration(min) + " to " + to_go_duration(max) + ", such as "
            + to_go_duration(at(defaults));
  v.set = [at, min, max, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const auto value = parse_go_duration(text);
    if (!value || *value < min || *value > max)
      return complaint;
    at(s) = std::chrono::round<milliseconds>(*value);
    return std::string{};
  };
  v.show = [at](const settings& s) { return to_go_duration(at(s)); };
  return v;
}

// One of a few words: `parse` and `to_string` are the type's own.
template <class At, class Parse>
variable choice(std::string_view name, At at, Parse parse, std::string takes, std::string_view help) {
  variable v;
  v.name = name;
  v.help = help;
  v.takes = std::move(takes);
  v.set = [at, parse, complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const auto value = parse(text);
    if (!value)
      return complaint;
    at(s) = *value;
    return std::string{};
  };
  v.show = [at](const settings& s) { return std::string{to_string(at(s))}; };
  return v;
}

bool is_host_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool is_ipv6_like(std::string_view text) {
  return text.find(':') != std::string_view::npos && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':'
                  || c == '.';
         });
}

// The forms of Go's net.Listen that need no look-up of service names.
bool parse_address(std::string_view text, http_settings* out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return false;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_integer<std::uint16_t>(text.substr(colon + 1));
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed)
    host = host.substr(1, host.size() - 2);
  if (!port || !(is_bracketed ? is_ipv6_like(host) : is_host_name(host)))
    return false;
  out->host = host;
  out->port = *port;
  return true;
}

variable address() {
  variable v;
  v.name = "BACKEND_HTTP_ADDR";
  v.takes = "host:port, :port or [IPv6 address]:port";
  v.help = "listen address; port 0 lets the system choose one";
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    return parse_address(text, &s.http) ? std::string{} : complaint;
  };
  v.show = [](const settings& s) {
    const bool is_ipv6 = s.http.host.find(':') != std::string::npos;
    return (is_ipv6 ? '[' + s.http.host + ']' : s.http.host) + ':' + std::to_string(s.http.port);
  };
  return v;
}

variable dsn() {
  variable v;
  v.name = "BACKEND_POSTGRES_DSN";
  v.takes = "a libpq URL or key=value string that pins search_path=backend";
  v.help = "how to reach PostgreSQL; pgx's URL parameter search_path=backend is understood";
  v.is_required = true;
  v.is_secret = true;
  v.set = [](settings& s, std::string_view text) {
    auto parsed = db::parse_dsn(text);
    if (!parsed)
      return parsed.error().detail;
    s.postgres.conninfo = *std::move(parsed);
    s.postgres.masked_dsn = db::mask_dsn(text);
    return std::string{};
  };
  v.show = [](const settings& s) { return s.postgres.masked_dsn; };
  return v;
}

variable service_name() {
  constexpr std::size_t length_max = 128;
  variable v;
  v.name = "BACKEND_SERVICE_NAME";
  v.takes = "1 to 128 printable ASCII characters";
  v.help = "service.name in logs and OpenTelemetry";
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!is_printable || text.size() > length_max)
      return complaint;
    s.telemetry.service_name = text;
    return std::string{};
  };
  v.show = [](const settings& s) { return s.telemetry.service_name; };
  return v;
}

// Reaches a value of a group, in a constant and in a mutable `settings` alike.
template <class Group, class T>
auto in(Group settings::*group, T Group::*member) {
  return [=](auto& s) -> auto& {
    return (s.*group).*member;
  };
}

std::vector<variable> essential_variables() {
  return {
    address(),
    choice("BACKEND_LOG_LEVEL", in(&settings::telemetry, &telemetry_settings::log_level), log::parse_level,
           "debug, info, warn or error", "least severity that is logged"),
    dsn(),
    count("BACKEND_POSTGRES_MAX_OPEN_CONNS", in(&settings::postgres, &postgres_settings::open_conns_max), 1, 1000,
          "upper bound of the pool"),
    count("BACKEND_POSTGRES_MAX_IDLE_CONNS", in(&settings::postgres, &postgres_settings::idle_conns_max), 0, 1000,
          "connections kept open when idle; lowered to BACKEND_POSTGRES_MAX_OPEN_CONNS"),
    duration("BACKEND_POSTGRES_CONN_MAX_LIFETIME", in(&settings::postgres, &postgres_settings::conn_life_time),
             seconds{1}, hours{8760}, "a connection older than this is replaced"),
    duration("BACKEND_POSTGRES_OPERATION_TIMEOUT", in(&settings::postgres, &postgres_settings::operation_timeout),
             milliseconds{10}, minutes{5}, "bound of a connect attempt, a probe and each operation"),
    service_name(),
    choice("BACKEND_OTEL_TRACES_EXPORTER", in(&settings::telemetry, &telemetry_settings::traces),
           tracing::parse_exporter, "none, stdout or otlp",
           "where traces go; otlp follows the standard OTEL_EXPORTER_OTLP_* variables"),
    choice("BACKEND_OTEL_METRICS_EXPORTER", in(&settings::telemetry, &telemetry_settings::metrics),
           tracing::parse_exporter, "none, stdout or otlp", "where metrics are pushed; GET /metrics works always"),
    duration("BACKEND_GUEST_RETENTION", in(&settings::retention, &retention_settings::guest_retention), seconds{1},
             hours{87600}, "a guest older than this that no game has seated is abandoned"),
    duration("BACKEND_GUEST_REAP_INTERVAL", in(&settings::retention, &retention_settings::guest_reap_interval),
             seconds{1}, hours{8760}, "time between two sweeps of abandoned guests"),
    duration("BACKEND_REVOKED_RETENTION", in(&settings::retention, &retention_settings::revoked_retention),
             seconds{1}, hours{87600}, "dead session rows are kept this long"),
    duration("BACKEND_REVOCATION_RETENTION", in(&settings::revocation, &revocation_settings::retention),
             seconds{1}, hours{8760}, "how far back a cursor can resume"),
    duration("BACKEND_REVOCATION_POLL_INTERVAL", in(&settings::revocation, &revocation_settings::poll_interval),
             milliseconds{1}, minutes{1}, "time between two reads of the revocation log when nothing hints"),
    duration("BACKEND_REVOCATION_MAX_STALENESS", in(&settings::revocation, &revocation_settings::staleness_max),
             milliseconds{10}, minutes{10},
             "past this without a read of the revocation log, nothing is answered from memory"),
    count("BACKEND_SESSION_CACHE_MAX_ENTRIES", in(&settings::session_cache, &session_cache_settings::entries_max),
          1, 100'000'000, "sessions held in memory; past it, the least recently used goes"),
  };
}

std::vector<variable> limit_variables() {
  constexpr std::size_t mebibyte = 1024 * 1024;
  return {
    count("BACKEND_HTTP_MAX_CONNECTIONS", in(&settings::http, &http_settings::connections_max), 1, 1'000'000,
          "open connections"),
    count("BACKEND_HTTP_MAX_SUBSCRIBERS", in(&settings::http, &http_settings::subscribers_max), 0, 1'000'000,
          "connections that follow the revocation feed; lowered to BACKEND_HTTP_MAX_CONNECTIONS"),
    count("BACKEND_HTTP_MAX_SUBSCRIBER_BUFFER_BYTES",
          in(&settings::http, &http_settings::subscriber_buffer_bytes_max), 4096, 64 * mebibyte,
          "unsent bytes, past which a subscriber is cut off"),
    count("BACKEND_HTTP_MAX_HEADER_BYTES", in(&settings::http, &http_settings::head_bytes_max), 1024, mebibyte,
          "request line and header section"),
    count("BACKEND_HTTP_MAX_HEADER_FIELDS", in(&settings::http, &http_settings::fields_max), 16, 10000,
          "header fields of a request"),
    count("BACKEND_HTTP_MAX_BODY_BYTES", in(&settings::http, &http_settings::body_bytes_max), 1024, 16 * mebibyte,
          "body of a request"),
    count("BACKEND_HTTP_MAX_PIPELINED", in(&settings::http, &http_settings::pipelined_max), 1, 1024,
          "requests of one connection in flight"),
    count("BACKEND_HTTP_MAX_HELD_BYTES", in(&settings::http, &http_settings::held_bytes_max), 16 * mebibyte,
          65'536 * mebibyte, "input and output held for all connections; past it requests get 503"),
    duration("BACKEND_HTTP_HEADER_TIMEOUT", in(&settings::http, &http_settings::header_timeout), milliseconds{100},
             minutes{10}, "from the first byte of a request to the end of its header"),
    duration("BACKEND_HTTP_BODY_TIMEOUT", in(&settings::http, &http_settings::body_timeout), milliseconds{100},
             minutes{10}, "from the end of the header to the end of the body"),
    duration("BACKEND_HTTP_IDLE_TIMEOUT", in(&settings::http, &http_settings::idle_timeout), milliseconds{100},
             hours{24}, "between two requests of a connection"),
    duration("BACKEND_HTTP_WRITE_TIMEOUT", in(&settings::http, &http_settings::write_timeout), milliseconds{100},
             minutes{10}, "a connection that takes no byte of its answer for this long is closed"),
    duration("BACKEND_SHUTDOWN_DELAY", in(&settings::http, &http_settings::shutdown_delay), milliseconds{0},
             minutes{10}, "at a stop: /readyz fails and everything else is served for this long"),
    duration("BACKEND_SHUTDOWN_TIMEOUT", in(&settings::http, &http_settings::drain_timeout), milliseconds{0},
             minutes{10}, "after that delay: for what has begun to arrive, and for idle connections to bring their next request"),
    count("BACKEND_POSTGRES_MAX_QUEUE", in(&settings::postgres, &postgres_settings::queue_max), 1, 1'000'000,
          "operations that wait for a connection; past it callers get 503"),
    count("BACKEND_POSTGRES_MAX_BATCH", in(&settings::postgres, &postgres_settings::batch_max), 1, 1024,
          "operations in one round trip"),
    count("BACKEND_SESSION_CACHE_MAX_UNKNOWN",
          in(&settings::session_cache, &session_cache_settings::unknown_entries_max), 0, 100'000'000,
          "tokens remembered as never minted"),
    count("BACKEND_SESSION_CACHE_MAX_LOADS", in(&settings::session_cache, &session_cache_settings::loads_max), 1,
          1'000'000, "look-ups in PostgreSQL in flight; past it callers get 503"),
    duration("BACKEND_REVOCATION_HEARTBEAT", in(&settings::revocation, &revocation_settings::heartbeat_interval),
             milliseconds{100}, seconds{15}, "time between two comment lines on an idle feed"),
    count("BACKEND_REVOCATION_RING_EVENTS", in(&settings::revocation, &revocation_settings::ring_events_max), 1,
          16 * mebibyte, "recent events held in memory"),
    count("BACKEND_REVOCATION_PAGE_EVENTS", in(&settings::revocation, &revocation_settings::page_events_max), 1,
          10'000, "events read from the log at once"),
  };
}

} // namespace

const std::vector<variable>& variables() {
  static const std::vector<variable> all = [] {
    std::vector<variable> v = essential_variables();
    for (variable& limit : limit_variables())
      v.push_back(std::move(limit));
    return v;
  }();
  return all;
}

const variable* find_variable(std::string_view name) {
  const auto& all = variables();
  const auto found = std::find_if(all.begin(), all.end(), [&](const variable& v) { return v.name == name; });
  return found == all.end() ? nullptr : &*found;
}

} // namespace portcullis::config
