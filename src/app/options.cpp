#include "app/options.hpp"

#include "core/failpoint.hpp"
#include "core/uuid.hpp"
#include "net/tls_transport.hpp"
#include "telemetry/log.hpp"

#include <algorithm>

namespace portcullis {

namespace {

/// Descriptors that are not connections: the pool's and the feed's, the log, the multiplexer's.
constexpr std::size_t descriptors_reserved = 64;

/// A new connection gets the certificate of now.
http::listening listening_of(const listener& from, bool is_tls, const std::shared_ptr<published_tls>& tls) {
  if (!is_tls)
    return {from.descriptor, {}};
  auto view = std::make_shared<published_view<net::tls_context>>(tls);
  return {from.descriptor, [view] { return std::make_unique<net::tls_transport>(view->get()); }};
}

} // namespace

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  fill_random(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed);
  return seed;
}

session_cache_options cache_options_of(const config::settings& s) {
  session_cache_options result{s.session_cache.limits};
  result.memory.index.seed = random_seed();
  return result;
}

api::resolve_options resolve_options_of(const config::settings& s) {
  api::resolve_options result;
  result.verdict_max_age = s.session_cache.verdict_max_age;
  result.staleness_max = s.staleness_max();
  return result;
}

http::server_options server_options_of(const config::settings& s, const std::vector<listener>& from,
                                       const std::shared_ptr<published_tls>& tls, std::size_t descriptors_max) {
  http::server_options result;
  result.limits = s.http.limits;
  auto& limits = result.limits;
  auto reserved = descriptors_reserved + s.postgres.pool.workers_max + limits.turned_away_max;
  auto possible = descriptors_max > 2 * reserved ? descriptors_max - reserved : descriptors_max / 2;
  if (!fails(failpoint::connection_bound))
    limits.connections_max = std::min(limits.connections_max, possible);
  if (limits.connections_max < s.http.limits.connections_max)
    log::warn("fewer connections than configured: the limit of open files is lower",
              {{"connections_max", limits.connections_max}, {"open_files_max", descriptors_max}});
  limits.request_timeout = s.request_timeout();
  result.request_id_seed = random_seed();
  result.access = s.http.access_log;
  for (std::size_t i = 0; i < from.size(); ++i)
    result.listen.push_back(listening_of(from[i], s.http.listen[i].is_tls, tls));
  return result;
}

api::gate_options gate_options_of(const config::settings& s, const std::shared_ptr<published_callers>& callers) {
  api::gate_options result;
  result.callers = callers;
  for (const auto& address : s.http.listen)
    result.listeners.emplace_back(address.audiences);
  result.forwarding = s.access.forwarding;
  result.forwarding_hops = s.access.forwarding_hops;
  result.caller_rate = s.access.caller_rate;
  result.guest_rate = s.access.guest_rate;
  result.guess_rate = s.access.guess_rate;
  return result;
}

api::handshake_limit_options handshake_limit_options_of(const config::settings& s) {
  api::handshake_limit_options result;
  const auto& listen = s.http.listen;
  if (std::any_of(listen.begin(), listen.end(), [](const auto& a) { return a.is_tls; }))
    result.rate = s.access.handshake_rate;
  return result;
}

void log_listening(const config::settings& s, const std::vector<listener>& from) {
  for (std::size_t i = 0; i < from.size(); ++i)
    log::info("listening", {{"port", from[i].port}, {"tls", s.http.listen[i].is_tls}});
}

void warn_without(const std::shared_ptr<published_callers>& callers) {
  if (!callers)
    log::warn("there is no callers' file: whoever reaches the port is believed");
}

} // namespace portcullis
