#pragma once

#include "actors/session_cache.hpp"
#include "api/gatekeeper.hpp"
#include "api/handshake_limit.hpp"
#include "api/resolve_api.hpp"
#include "app/reloading.hpp"
#include "config/settings.hpp"
#include "http/server/server.hpp"
#include "net/listener.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

/// From settings to the options of the parts that a service and an edge both have.
namespace portcullis {

std::uint64_t random_seed();

session_cache_options cache_options_of(const config::settings& s);
api::resolve_options resolve_options_of(const config::settings& s);

/// `callers`: null when whoever reaches a port is believed.
api::gate_options gate_options_of(const config::settings& s, const std::shared_ptr<published_callers>& callers);

api::handshake_limit_options handshake_limit_options_of(const config::settings& s);

/// `from`: as `s.http.listen` has them. `tls`: what those with TLS present; `descriptors_max`: open files of the
/// process.
http::server_options server_options_of(const config::settings& s, const std::vector<listener>& from,
                                       const std::shared_ptr<published_tls>& tls, std::size_t descriptors_max);

void log_listening(const config::settings& s, const std::vector<listener>& from);
void warn_without(const std::shared_ptr<published_callers>& callers);

} // namespace portcullis
