#include "api/access.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace portcullis::api {

namespace {

using trust::right;

constexpr route_access open(std::string_view route) noexcept {
  return {route, {}};
}

constexpr route_access needs(std::string_view route, right r) noexcept {
  return {route, r};
}

/// Where the person's token travels in Authorization.
constexpr route_access with_persons_token(route_access row) noexcept {
  row.field = authorization::of_person;
  return row;
}

constexpr route_access limited(route_access row, costly what) noexcept {
  row.limit = what;
  return row;
}

/// A standard's endpoint for clients: RFC 7662, section 2.1; RFC 7009, section 2.1.
constexpr route_access with_form_credentials(route_access row) noexcept {
  row.has_form_credentials = true;
  return row;
}

constexpr route_access forward_auth(route_access row) noexcept {
  row.is_forward_auth = true;
  return row;
}

constexpr auto guess = costly::token_guess;

constexpr std::array rows{
  open("healthz"),
  open("readyz"),
  open("openapi"),
  open("console"), // its files; what they ask for needs rights of its own
  needs("metrics", right::metrics_read),

  open("version"),
  limited(open("mint_guest_session"), costly::guest_mint),
  open("oauth_metadata"),

  limited(with_persons_token(needs("resolve_session", right::sessions_resolve)), guess),
  limited(forward_auth(with_persons_token(needs("verify", right::sessions_resolve))), guess),
  limited(with_form_credentials(needs("introspect", right::sessions_resolve)), guess),
  limited(with_form_credentials(needs("oauth_introspect", right::sessions_resolve)), guess),
  needs("lookup_sessions", right::sessions_lookup),
  needs("mint_session", right::sessions_mint),
  with_persons_token(needs("revoke_session_by_token", right::sessions_revoke)),
  with_form_credentials(needs("oauth_revoke", right::sessions_revoke)),
  needs("revoke_session", right::sessions_revoke),
  needs("revoke_account_sessions", right::sessions_revoke),
  needs("revocations", right::revocations_read),

  // They show an account's devices and addresses, which a look-up by hash does not.
  needs("get_session", right::accounts_read),
  needs("list_account_sessions", right::accounts_read),
  needs("find_account", right::accounts_read),
  needs("get_account", right::accounts_read),
  needs("find_or_create_account", right::accounts_write),
  needs("create_guest_account", right::accounts_write),
  needs("update_account", right::accounts_write),
  needs("delete_account", right::accounts_write),
  needs("link_identity", right::accounts_write),
  needs("unlink_identity", right::accounts_write),
  needs("seat_player", right::accounts_write),
  needs("unseat_player", right::accounts_write),
  needs("unseat_game", right::accounts_write),

  needs("user_account", right::users_act),
  needs("user_update_account", right::users_act),
  needs("user_sessions", right::users_act),
  needs("user_revoke_session", right::users_act),
  needs("user_revoke_sessions", right::users_act),

  needs("admin_accounts", right::admin_read),
  needs("admin_audit", right::admin_read),
  needs("admin_stats", right::admin_read),
  needs("admin_followers", right::admin_read),
  needs("admin_callers", right::admin_read),
  needs("admin_reaper", right::admin_read),
  needs("admin_run_reaper", right::admin_write),
  needs("admin_revoke", right::admin_write),
  needs("admin_revocation", right::admin_read),
};

constexpr std::uint32_t bit(http::audience group) noexcept {
  return std::uint32_t{1} << static_cast<unsigned>(group);
}

} // namespace

const route_access* find_access(std::string_view route) noexcept {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.route == route; });
  return found == rows.end() ? nullptr : &*found;
}

audience_set::audience_set(const std::vector<std::string>& words) noexcept : serves_all_(words.empty()) {
  using http::audience;
  for (const auto& word : words) {
    serves_metrics_ |= word == "metrics";
    for (auto group : {audience::public_, audience::internal, audience::user, audience::admin})
      if (word == http::to_string(group))
        groups_ |= bit(group);
  }
}

bool audience_set::serves(http::audience group, const route_access* needs) const noexcept {
  if (serves_all_)
    return true;
  const bool is_metrics = needs != nullptr && needs->needs == right::metrics_read;
  return is_metrics ? serves_metrics_ : group == http::audience::probe || (groups_ & bit(group)) != 0;
}

} // namespace portcullis::api
