#pragma once

#include "actors/session_cache_limits.hpp"
#include "config/listen_address.hpp"
#include "core/session_policy.hpp"
#include "db/pool_limits.hpp"
#include "feed/limits.hpp"
#include "http/server/access_mode.hpp"
#include "http/server/limits.hpp"
#include "net/listener.hpp"
#include "net/tls_context.hpp"
#include "telemetry/log.hpp"
#include "telemetry/tracing.hpp"
#include "trust/client_address.hpp"
#include "trust/rate_limiter.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The configuration: environment → plain values, checked as a whole, passed by value. `service_variables.cpp`,
/// `edge_variables.cpp` and what both share describe every variable once; parsing, `--help`, `check-config` and
/// the documentation's table are made from that.
namespace portcullis::config {

using std::chrono::milliseconds;

struct http_settings {
  std::vector<listen_address> listen{listen_address{}};
  port_sharing sharing = port_sharing::off; // of the listen addresses
  http::server_limits limits;               // `request_timeout` apart, which is computed
  feed::hub_limits feed;                    // the service's
  http::access_mode access_log = http::access_mode::off;

  milliseconds shutdown_delay{2'000}; // at a stop, not ready but serving
  milliseconds drain_timeout{10'000}; // after it, for what has begun
};

struct postgres_settings {
  std::string conninfo;   // for libpq: holds the password, never logged
  std::string masked_dsn; // as given, the password replaced

  db_pool_limits pool; // `operation_timeout` bounds a connect attempt and a probe as well
  milliseconds conn_life_time{std::chrono::minutes{30}};
};

struct session_cache_settings {
  session_cache_limits limits; // `staleness_max` of the memory is the whole process's

  milliseconds verdict_max_age{0}; // so long others may keep an answer that allows; 0: no answer may be cached
};

/// How an edge reaches the service.
struct service_settings {
  std::vector<std::string> addresses; // http or https, without a slash at the end
  std::string ca_file;                // empty: the system's authorities
  std::string certificate_file;
  std::string key_file;
  std::string caller_key_file;
  std::string caller_key; // what the file holds: a secret, never logged

  milliseconds connect_timeout{1'000};
  milliseconds attempt_timeout{2'000};   // at one address
  milliseconds operation_timeout{5'000}; // at all of them
  std::size_t connections_max = 16;
  std::size_t queue_max = 10'000; // look-ups that wait
};

struct revocation_settings {
  milliseconds retention{std::chrono::hours{24}}; // how far back a cursor can resume
  milliseconds poll_interval{100};
  milliseconds canary_interval{0}; // the service's; 0: no canary
};

struct retention_settings {
  milliseconds guest_retention{std::chrono::hours{720}};
  milliseconds guest_reap_interval{std::chrono::hours{1}};
  milliseconds revoked_retention{std::chrono::hours{720}}; // dead session rows
  milliseconds audit_retention{std::chrono::hours{2160}};
};

struct telemetry_settings {
  std::string service_name = "portcullis";
  log::level log_level = log::level::info;
  log::form log_form = log::form::logfmt;
  tracing::exporter traces = tracing::exporter::none;
  tracing::exporter metrics = tracing::exporter::none;
  tracing::exporter logs = tracing::exporter::none; // beside standard error
};

/// Whose variables: `serve` and `migrate` run as the service, `edge` as an edge. Neither asks for the other's.
enum class role : std::uint8_t { service, edge };

/// Who may ask, and for how much. What tells of the client behind a caller is the service's.
struct access_settings {
  std::string callers_file; // empty: whoever reaches the port is believed
  bool callers_required = false;
  trust::forwarding_field forwarding = trust::forwarding_field::x_forwarded_for;
  std::string issuer; // of OAuth's metadata and introspection, without a slash at the end; empty: from the request
  std::size_t forwarding_hops = 1;         // proxies in a row that append an address to it, the caller included
  std::optional<trust::quota> caller_rate; // of each caller that has none of its own
  std::optional<trust::quota> guest_rate;  // guests minted for one client address
  std::optional<trust::quota> guess_rate;  // tokens of one caller that are answered 401
  // TLS handshakes of one client address: a gateway's hundreds at its start are far below.
  std::optional<trust::quota> handshake_rate = trust::quota{2'000, 20};
};

struct settings {
  config::role role = config::role::service;
  http_settings http;
  net::tls_files tls; // of the listeners that have TLS
  access_settings access;
  postgres_settings postgres; // the service's
  service_settings service;   // an edge's
  session_cache_settings session_cache;
  session_policy sessions; // the service's
  revocation_settings revocation;
  retention_settings retention;
  telemetry_settings telemetry;

  /// Past this without a read of the revocation log, nothing is answered from memory.
  std::chrono::nanoseconds staleness_max() const noexcept {
    return session_cache.limits.memory.staleness_max;
  }

  /// How long the front waits for an actor's answer: the operation's own time-out is answered first.
  std::chrono::nanoseconds request_timeout() const noexcept {
    auto operation = role == config::role::edge ? service.operation_timeout : postgres.pool.operation_timeout;
    return operation + milliseconds{1'000};
  }
};

settings defaults_of(role whose);

/// The variables of the process, as far as they concern this service. An empty value counts as not set.
using environment = std::map<std::string, std::string, std::less<>>;

std::string_view without_outer_spaces(std::string_view text) noexcept;

/// Without white space at the ends; empty when it is not set.
std::string_view value_of(const environment& env, std::string_view name);

/// The `BACKEND_*` and `GATEWAY_*` variables of this process.
environment process_environment();

/// One variable that cannot be used.
struct problem {
  std::string variable;
  std::string value; // masked if it is a secret
  std::string takes; // what it takes, or what is wrong with it

  /// `BACKEND_LOG_FORMAT="x": takes logfmt or json`
  std::string to_string() const;
};

/// Reads and checks everything of one role; reports all that is wrong together, in the order of the variables'
/// table. `can_trace` says whether the build has the exporters other than `none`.
std::variant<settings, std::vector<problem>> load(role whose, const environment& env,
                                                  bool can_trace = tracing::is_available());

/// The variables with our prefixes that mean nothing in any role: misspelt, or another system's. Worth a warning.
std::vector<std::string> unknown_variables(const environment& env);

/// What `check-config` prints: `NAME=value` per line with secrets masked, then whether the value comes from the
/// environment.
std::string describe(const settings& values, const environment& env);

/// The table of a role's variables, for `--help`: name, default, what it takes and what it is for.
std::string help_table(role whose);

/// The same as a Markdown table, for the documentation.
std::string markdown_table(role whose);

} // namespace portcullis::config
