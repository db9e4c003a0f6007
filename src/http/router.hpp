#pragma once

#include "http/request.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portcullis::http {

/// One per row of the contract in docs/api.md.
enum class route : std::uint8_t {
  none,
  // probes
  healthz,
  readyz,
  metrics,
  // public
  mint_guest_session,
  version,
  // internal
  find_or_create_account,
  create_guest_account,
  get_account,
  find_account,
  delete_account,
  update_account,
  link_identity,
  unlink_identity,
  seat_player,
  mint_session,
  resolve_session,
  verify,
  introspect,
  get_session,
  list_account_sessions,
  revoke_session,
  revoke_session_by_token,
  revoke_account_sessions,
  revocations,
  // user
  user_account,
  user_update_account,
  user_sessions,
  user_revoke_session,
  user_revoke_sessions,
  // admin
  admin_accounts,
  admin_stats,
  admin_reaper,
  admin_run_reaper,
};

/// Who may call a route: the path's second segment below `/api/v1`.
enum class audience : std::uint8_t { probe, public_, internal, user, admin };

struct match {
  route to = route::none;
  audience group = audience::probe;
  std::array<std::string_view, 3> params{}; // the `{…}` segments in order, percent-decoding not applied
  bool path_known = false;                  // false: 404; true with `route::none`: 405
  std::string_view allow;                   // the value of `Allow` for a 405
};

/// Finds the route of `path` (no query). `HEAD` is routed as `GET`. `/verify` and everything below it
/// take any verb. Allocates nothing.
match find_route(verb method, std::string_view path) noexcept;

std::string_view to_string(audience group) noexcept; // `user`, `internal`, …: who ends a session, in the log

std::string_view to_string(route r) noexcept; // the route's name in metrics and logs

} // namespace portcullis::http
