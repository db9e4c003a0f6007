#include "config/variable_kinds.hpp"
#include "db/connection.hpp"

#include <utility>

/// What the service is told by its environment.
namespace portcullis::config {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

variable dsn(const variable_maker& make) {
  variable v = make.make("POSTGRES_DSN", "a libpq URL or key=value string that pins search_path=backend",
                         "how to reach PostgreSQL; pgx's URL parameter search_path=backend is understood");
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

std::vector<variable> postgres_variables(const variable_maker& make) {
  return {
    dsn(make),
    make.count("POSTGRES_MAX_OPEN_CONNS",
               in(&settings::postgres, &postgres_settings::pool, &db_pool_limits::workers_max), 1, 1000,
               "upper bound of the pool"),
    make.count("POSTGRES_MAX_IDLE_CONNS",
               in(&settings::postgres, &postgres_settings::pool, &db_pool_limits::workers_idle_max), 0, 1000,
               "connections kept open when idle; lowered to BACKEND_POSTGRES_MAX_OPEN_CONNS"),
    make.duration("POSTGRES_CONN_MAX_LIFETIME", in(&settings::postgres, &postgres_settings::conn_life_time),
                  seconds{1}, hours{8760}, "a connection older than this is replaced"),
    make.duration("POSTGRES_OPERATION_TIMEOUT",
                  in(&settings::postgres, &postgres_settings::pool, &db_pool_limits::operation_timeout),
                  milliseconds{10}, minutes{5}, "bound of a connect attempt, a probe and each operation"),
  };
}

std::vector<variable> session_variables(const variable_maker& make) {
  return {
    make.duration("GUEST_RETENTION", in(&settings::retention, &retention_settings::guest_retention), seconds{1},
                  hours{87600}, "a guest older than this that no game has seated is abandoned"),
    make.duration("GUEST_REAP_INTERVAL", in(&settings::retention, &retention_settings::guest_reap_interval),
                  seconds{1}, hours{8760},
                  "time between two sweeps of abandoned guests, dead rows and old events"),
    make.duration("REVOKED_RETENTION", in(&settings::retention, &retention_settings::revoked_retention),
                  seconds{1}, hours{87600}, "dead session rows are kept this long"),
    make.duration("SESSION_MAX_AGE", in(&settings::sessions, &session_policy::max_age), milliseconds{0},
                  hours{87600}, "a session older than this has expired; 0s: it lives until it is revoked"),
    make.duration("GUEST_SESSION_MAX_AGE", in(&settings::sessions, &session_policy::guest_max_age),
                  milliseconds{0}, hours{87600}, "the same for the sessions of guests"),
    make.count("SESSIONS_PER_ACCOUNT_MAX", in(&settings::sessions, &session_policy::per_account_max), 0, 1'000'000,
               "sessions of an account; past it a new one ends the oldest; 0: any number"),
    make.duration("AUDIT_RETENTION", in(&settings::retention, &retention_settings::audit_retention), seconds{1},
                  hours{876000}, "entries of the audit are kept this long"),
    make.duration("REVOCATION_RETENTION", in(&settings::revocation, &revocation_settings::retention), seconds{1},
                  hours{8760}, "how far back a cursor can resume"),
    make.duration("REVOCATION_POLL_INTERVAL", in(&settings::revocation, &revocation_settings::poll_interval),
                  milliseconds{1}, minutes{1}, "time between two reads of the revocation log when nothing hints"),
    make.duration("REVOCATION_MAX_STALENESS",
                  in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                     &session_memory::options::staleness_max),
                  milliseconds{10}, minutes{10},
                  "past this without a read of the revocation log, nothing is answered from memory"),
    make.duration(
      "CANARY_INTERVAL", in(&settings::revocation, &revocation_settings::canary_interval), milliseconds{0},
      hours{24},
      "time between two sessions that are minted and revoked to measure how soon that is known; 0s: off"),
    make.count("SESSION_CACHE_MAX_ENTRIES",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                  &session_memory::options::index, &session_index::options::entries_max),
               1, 100'000'000, "sessions held in memory; past it, the least recently used goes"),
    make.duration("VERDICT_MAX_AGE", in(&settings::session_cache, &session_cache_settings::verdict_max_age),
                  milliseconds{0}, minutes{10}, "how long a gateway may keep an answer that allows; 0s: no-store"),
  };
}

std::vector<variable> limit_variables(const variable_maker& make) {
  constexpr std::size_t mebibyte = 1024 * 1024;
  return {
    make.count("HTTP_MAX_CONNECTIONS",
               in(&settings::http, &http_settings::limits, &http::server_limits::connections_max), 1, 1'000'000,
               "open connections"),
    make.count("HTTP_MAX_SUBSCRIBERS",
               in(&settings::http, &http_settings::feed, &feed::hub_limits::subscribers_max), 0, 1'000'000,
               "connections that follow the revocation feed; lowered to BACKEND_HTTP_MAX_CONNECTIONS"),
    make.count("HTTP_MAX_SUBSCRIBER_BUFFER_BYTES",
               in(&settings::http, &http_settings::feed, &feed::hub_limits::subscriber_buffer_bytes_max), 4096,
               64 * mebibyte, "unsent bytes, past which a subscriber is cut off"),
    make.count("HTTP_MAX_HEADER_BYTES",
               in(&settings::http, &http_settings::limits, &http::server_limits::reader,
                  &http::reader_limits::head_bytes_max),
               1024, mebibyte, "request line and header section"),
    make.count(
      "HTTP_MAX_HEADER_FIELDS",
      in(&settings::http, &http_settings::limits, &http::server_limits::reader, &http::reader_limits::fields_max),
      16, 10000, "header fields of a request"),
    make.count("HTTP_MAX_BODY_BYTES",
               in(&settings::http, &http_settings::limits, &http::server_limits::reader,
                  &http::reader_limits::body_bytes_max),
               1024, 16 * mebibyte, "body of a request"),
    make.count("HTTP_MAX_PIPELINED",
               in(&settings::http, &http_settings::limits, &http::server_limits::pipelined_max), 1, 1024,
               "requests of one connection in flight"),
    make.count("HTTP_MAX_HELD_BYTES",
               in(&settings::http, &http_settings::limits, &http::server_limits::held_bytes_max), 16 * mebibyte,
               65'536 * mebibyte, "input and output held for all connections; past it requests get 503"),
    make.duration("HTTP_HEADER_TIMEOUT",
                  in(&settings::http, &http_settings::limits, &http::server_limits::header_timeout),
                  milliseconds{100}, minutes{10}, "from the first byte of a request to the end of its header"),
    make.duration("HTTP_BODY_TIMEOUT",
                  in(&settings::http, &http_settings::limits, &http::server_limits::body_timeout),
                  milliseconds{100}, minutes{10}, "from the end of the header to the end of the body"),
    make.duration("HTTP_IDLE_TIMEOUT",
                  in(&settings::http, &http_settings::limits, &http::server_limits::idle_timeout),
                  milliseconds{100}, hours{24}, "between two requests of a connection"),
    make.duration(
      "HTTP_WRITE_TIMEOUT", in(&settings::http, &http_settings::limits, &http::server_limits::write_timeout),
      milliseconds{100}, minutes{10}, "a connection that takes no byte of its answer for this long is closed"),
    make.choice(
      "HTTP_REUSE_PORT", in(&settings::http, &http_settings::sharing), parse_port_sharing, "off or on",
      "several processes listen on the same port and share its connections; all of them must have it on"),
    make.duration("SHUTDOWN_DELAY", in(&settings::http, &http_settings::shutdown_delay), milliseconds{0},
                  minutes{10}, "at a stop: /readyz fails and everything else is served for this long"),
    make.duration(
      "SHUTDOWN_TIMEOUT", in(&settings::http, &http_settings::drain_timeout), milliseconds{0}, minutes{10},
      "after that delay: for what has begun to arrive, and for idle connections to bring their next request"),
    make.count("POSTGRES_MAX_QUEUE", in(&settings::postgres, &postgres_settings::pool, &db_pool_limits::queue_max),
               1, 1'000'000, "operations that wait for a connection; past it callers get 503"),
    make.count("POSTGRES_MAX_BATCH", in(&settings::postgres, &postgres_settings::pool, &db_pool_limits::batch_max),
               1, 1024, "operations in one round trip"),
    make.count("SESSION_CACHE_MAX_UNKNOWN",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::memory,
                  &session_memory::options::unknown_entries_max),
               0, 100'000'000, "tokens remembered as never minted"),
    make.count("SESSION_CACHE_MAX_LOADS",
               in(&settings::session_cache, &session_cache_settings::limits, &session_cache_limits::loads_max), 1,
               1'000'000, "look-ups in PostgreSQL in flight; past it callers get 503"),
    make.duration("REVOCATION_HEARTBEAT",
                  in(&settings::http, &http_settings::feed, &feed::hub_limits::heartbeat_interval),
                  milliseconds{100}, seconds{15}, "time between two comment lines on an idle feed"),
    make.count("REVOCATION_RING_EVENTS",
               in(&settings::http, &http_settings::feed, &feed::hub_limits::ring_events_max), 1, 16 * mebibyte,
               "recent events held in memory"),
    make.count("REVOCATION_PAGE_EVENTS",
               in(&settings::http, &http_settings::feed, &feed::hub_limits::page_events_max), 1, 10'000,
               "events read from the log at once"),
  };
}

} // namespace

std::vector<variable> service_variables() {
  const variable_maker make{role::service};
  std::vector<variable> all{make.addresses(
    "listen addresses; port 0 lets the system choose one; audiences are what is served beside probes")};
  for (auto& more :
       {log_variables(make), postgres_variables(make), exporter_variables(make), session_variables(make),
        access_variables(make), client_variables(make), limit_variables(make)})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

} // namespace portcullis::config
