#include "api/handshake_limit.hpp"

#include "telemetry/log.hpp"
#include "trust/client_address.hpp"

#include <chrono>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::chrono::seconds refusal_log_interval{10};

} // namespace

handshake_limit::handshake_limit(handshake_limit_options options) : options_(std::move(options)) {
  if (options_.rate)
    by_address_.emplace(options_.places);
}

void handshake_limit::guard(http::server& server) {
  if (by_address_)
    server.on_handshake([this](std::string_view address) { return admit(address); });
}

/// Peers whose address is not known share one bucket: they have left again before it could be asked for.
bool handshake_limit::admit(std::string_view address) {
  if (!by_address_)
    return true;
  const auto now = options_.now();
  const trust::address_key client{trust::parse_ip_address(address).value_or(trust::ip_address{})};
  if (by_address_->take(client.bytes(), *options_.rate, now).is_allowed)
    return true;
  log_refusal(address, now);
  return false;
}

/// A refused client may come again as often as it likes: no line for each.
void handshake_limit::log_refusal(std::string_view address, trust::rate_limiter::clock::time_point now) {
  ++unlogged_;
  if (logged_at_ != decltype(logged_at_){} && now - logged_at_ < refusal_log_interval)
    return;
  logged_at_ = now;
  log::warn("too many TLS handshakes of one address",
            {{"address", address}, {"refused", std::exchange(unlogged_, 0)}});
}

void handshake_limit::add_to(metrics::snapshot& s) const {
  if (!by_address_)
    return;
  s.add("portcullis_rate_limited_total", by_address_->refusals(), {{"limit", "handshakes"}});
  s.add("portcullis_rate_limit_evictions_total", by_address_->evictions(), {{"limit", "handshakes"}});
}

} // namespace portcullis::api
