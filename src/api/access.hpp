#pragma once

#include "http/endpoint.hpp"
#include "trust/rights.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a route asks of the sender of a request.
namespace portcullis::api {

/// Whose word the Authorization field is.
enum class authorization : std::uint8_t { of_caller, of_person };

/// What a route does that somebody may do too often.
enum class costly : std::uint8_t { nothing, guest_mint, token_guess };

struct route_access {
  std::string_view route;            // its name
  std::optional<trust::right> needs; // nothing: every caller is answered
  authorization field = authorization::of_caller;
  costly limit = costly::nothing;
  bool has_form_credentials = false; // client_id and client_secret in the body (RFC 6749, section 2.3.1)
  bool is_forward_auth = false;      // gateways understand 403 and 503 of it, not 401 of the caller's or 429
};

/// Null for a name that no row has: such a route answers to nobody once there are callers.
const route_access* find_access(std::string_view route) noexcept;

/// The groups of routes that a listener serves beside the probes.
class audience_set {
public:
  /// All of them.
  audience_set() = default;

  /// `public`, `internal`, `user`, `admin`, `metrics`; no words: all of them.
  explicit audience_set(const std::vector<std::string>& words) noexcept;

  bool serves(http::audience group, const route_access* needs) const noexcept;

private:
  bool serves_all_ = true;
  bool serves_metrics_ = false;
  std::uint32_t groups_ = 0; // a bit for each `http::audience`
};

} // namespace portcullis::api
