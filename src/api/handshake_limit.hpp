#pragma once

#include "api/module.hpp"
#include "http/server/server.hpp"
#include "trust/rate_limiter.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace portcullis::api {

struct handshake_limit_options {
  std::optional<trust::quota> rate; // none: no listener has TLS, or there is no limit
  std::size_t places = std::size_t{1} << 16;
  std::function<trust::rate_limiter::clock::time_point()> now = trust::rate_limiter::clock::now;
};

/// How many TLS handshakes one client address may begin. Each costs this process a signature, and the client next
/// to nothing until then; so they are counted when a connection is accepted, whether a session is resumed or not,
/// and a connection too many is closed before there is any state of TLS for it.
///
/// The address is the peer's: before the handshake nobody can tell another.
class handshake_limit final : public module {
public:
  explicit handshake_limit(handshake_limit_options options);

  /// Has the server ask it, which it has to outlive.
  void guard(http::server& server);

  /// Whether one more handshake of the peer at `address` may begin; takes it into account.
  bool admit(std::string_view address);

  void add_routes(http::router&) override {}
  void add_to(metrics::snapshot& s) const override;

private:
  void log_refusal(std::string_view address, trust::rate_limiter::clock::time_point now);

  handshake_limit_options options_;
  std::optional<trust::rate_limiter> by_address_; // with a rate only: its memory is taken at once
  std::uint64_t unlogged_ = 0;                    // refusals since the last that was logged
  trust::rate_limiter::clock::time_point logged_at_{};
};

} // namespace portcullis::api
