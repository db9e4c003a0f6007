#include "http/router.hpp"

namespace portcullis::http {

namespace {

struct handler {
  verb method = verb::other;
  route to = route::none;
};

/// A path of the contract and what can be done there. A `{…}` segment stands for any text that is not empty.
struct resource {
  std::string_view pattern;
  audience group;
  std::string_view allow; // HEAD wherever GET is
  std::array<handler, 3> handlers;
};

constexpr std::string_view resolve_path = "/api/v1/internal/sessions/resolve";
constexpr std::string_view verify_path = "/api/v1/internal/verify";

/// Literal segments stand before the parameters that would also match them.
constexpr std::array resources{
  resource{"/healthz", audience::probe, "GET, HEAD", {{{verb::get, route::healthz}}}},
  resource{"/readyz", audience::probe, "GET, HEAD", {{{verb::get, route::readyz}}}},
  resource{"/metrics", audience::probe, "GET, HEAD", {{{verb::get, route::metrics}}}},

  resource{
    "/api/v1/public/sessions/guest", audience::public_, "POST", {{{verb::post, route::mint_guest_session}}}},
  resource{"/api/v1/public/version", audience::public_, "GET, HEAD", {{{verb::get, route::version}}}},

  resource{resolve_path,
           audience::internal,
           "GET, HEAD, POST",
           {{{verb::get, route::resolve_session}, {verb::post, route::resolve_session}}}},
  resource{"/api/v1/internal/sessions/revoke",
           audience::internal,
           "POST",
           {{{verb::post, route::revoke_session_by_token}}}},
  resource{"/api/v1/internal/sessions", audience::internal, "POST", {{{verb::post, route::mint_session}}}},
  resource{"/api/v1/internal/sessions/{session_id}",
           audience::internal,
           "GET, HEAD, DELETE",
           {{{verb::get, route::get_session}, {verb::delete_, route::revoke_session}}}},
  resource{"/api/v1/internal/accounts",
           audience::internal,
           "GET, HEAD, POST",
           {{{verb::get, route::find_account}, {verb::post, route::find_or_create_account}}}},
  resource{
    "/api/v1/internal/accounts/guest", audience::internal, "POST", {{{verb::post, route::create_guest_account}}}},
  resource{"/api/v1/internal/accounts/{account_id}",
           audience::internal,
           "GET, HEAD, PATCH, DELETE",
           {{{verb::get, route::get_account},
             {verb::patch, route::update_account},
             {verb::delete_, route::delete_account}}}},
  resource{"/api/v1/internal/accounts/{account_id}/identities",
           audience::internal,
           "POST",
           {{{verb::post, route::link_identity}}}},
  resource{"/api/v1/internal/accounts/{account_id}/identities/{kind}/{external_id}",
           audience::internal,
           "DELETE",
           {{{verb::delete_, route::unlink_identity}}}},
  resource{"/api/v1/internal/games/{game_id}/players/{account_id}",
           audience::internal,
           "PUT",
           {{{verb::put, route::seat_player}}}},
  resource{"/api/v1/internal/accounts/{account_id}/sessions",
           audience::internal,
           "GET, HEAD, DELETE",
           {{{verb::get, route::list_account_sessions}, {verb::delete_, route::revoke_account_sessions}}}},
  resource{"/api/v1/internal/revocations", audience::internal, "GET, HEAD", {{{verb::get, route::revocations}}}},

  resource{"/api/v1/internal/introspect", audience::internal, "POST", {{{verb::post, route::introspect}}}},

  resource{"/api/v1/user/account",
           audience::user,
           "GET, HEAD, PATCH",
           {{{verb::get, route::user_account}, {verb::patch, route::user_update_account}}}},
  resource{"/api/v1/user/sessions",
           audience::user,
           "GET, HEAD, DELETE",
           {{{verb::get, route::user_sessions}, {verb::delete_, route::user_revoke_sessions}}}},
  resource{"/api/v1/user/sessions/{session_id}",
           audience::user,
           "DELETE",
           {{{verb::delete_, route::user_revoke_session}}}},

  resource{"/api/v1/admin/accounts", audience::admin, "GET, HEAD", {{{verb::get, route::admin_accounts}}}},
  resource{"/api/v1/admin/stats", audience::admin, "GET, HEAD", {{{verb::get, route::admin_stats}}}},
  resource{"/api/v1/admin/reaper", audience::admin, "GET, HEAD", {{{verb::get, route::admin_reaper}}}},
  resource{"/api/v1/admin/reaper/run", audience::admin, "POST", {{{verb::post, route::admin_run_reaper}}}},
};

/// Cuts the first segment off `path`, which begins with `/`.
std::string_view take_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::array<std::string_view, 3>& params) noexcept {
  std::size_t count = 0;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (wanted.front() != '{') {
      if (wanted != given)
        return false;
    } else if (given.empty()) {
      return false;
    } else {
      params[count++] = given;
    }
  }
  return pattern.empty() && path.empty();
}

bool is_verify(std::string_view path) noexcept {
  return path.substr(0, verify_path.size()) == verify_path
         && (path.size() == verify_path.size() || path[verify_path.size()] == '/');
}

match found(route to, audience group) noexcept {
  match result;
  result.to = to;
  result.group = group;
  result.path_known = true;
  return result;
}

} // namespace

match find_route(verb method, std::string_view path) noexcept {
  const auto wanted = method == verb::head ? verb::get : method;
  // The two that carry a gateway's traffic.
  if (path == resolve_path && (wanted == verb::get || wanted == verb::post))
    return found(route::resolve_session, audience::internal);
  if (is_verify(path))
    return found(route::verify, audience::internal);
  if (path.empty() || path.front() != '/')
    return {};
  for (const auto& row : resources) {
    match result = found(route::none, row.group);
    if (!matches(row.pattern, path, result.params))
      continue;
    for (const auto& h : row.handlers)
      if (h.to != route::none && h.method == wanted)
        result.to = h.to;
    if (result.to == route::none)
      result.allow = row.allow;
    return result;
  }
  return {};
}

std::string_view to_string(audience group) noexcept {
  switch (group) {
  case audience::probe:
    return "probe";
  case audience::public_:
    return "public";
  case audience::internal:
    return "internal";
  case audience::user:
    return "user";
  case audience::admin:
    return "admin";
  }
  return "internal";
}

std::string_view to_string(route r) noexcept {
  switch (r) {
  case route::none:
    return "none";
  case route::healthz:
    return "healthz";
  case route::readyz:
    return "readyz";
  case route::metrics:
    return "metrics";
  case route::mint_guest_session:
    return "mint_guest_session";
  case route::version:
    return "version";
  case route::find_or_create_account:
    return "find_or_create_account";
  case route::create_guest_account:
    return "create_guest_account";
  case route::get_account:
    return "get_account";
  case route::find_account:
    return "find_account";
  case route::delete_account:
    return "delete_account";
  case route::mint_session:
    return "mint_session";
  case route::resolve_session:
    return "resolve_session";
  case route::verify:
    return "verify";
  case route::get_session:
    return "get_session";
  case route::list_account_sessions:
    return "list_account_sessions";
  case route::revoke_session:
    return "revoke_session";
  case route::revoke_session_by_token:
    return "revoke_session_by_token";
  case route::revoke_account_sessions:
    return "revoke_account_sessions";
  case route::revocations:
    return "revocations";
  case route::user_account:
    return "user_account";
  case route::user_sessions:
    return "user_sessions";
  case route::user_revoke_session:
    return "user_revoke_session";
  case route::user_revoke_sessions:
    return "user_revoke_sessions";
  case route::update_account:
    return "update_account";
  case route::link_identity:
    return "link_identity";
  case route::unlink_identity:
    return "unlink_identity";
  case route::seat_player:
    return "seat_player";
  case route::introspect:
    return "introspect";
  case route::user_update_account:
    return "user_update_account";
  case route::admin_accounts:
    return "admin_accounts";
  case route::admin_stats:
    return "admin_stats";
  case route::admin_reaper:
    return "admin_reaper";
  case route::admin_run_reaper:
    return "admin_run_reaper";
  }
  return "none";
}

} // namespace portcullis::http
