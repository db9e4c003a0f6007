#include "api/access.hpp"
#include "api/service_routes.hpp"
#include "http/router.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::http;

namespace {

struct row {
  const char* verbs; // as `Allow` lists them
  const char* path;
  const char* name; // the routes of the verbs, HEAD apart
  audience group;
  std::vector<std::string_view> params = {};
};

const std::string id = "0190b8a0-0000-7000-8000-000000000001";
const std::string account_path = "/api/v1/internal/accounts/" + id;
const std::string account_sessions_path = account_path + "/sessions";
const std::string session_path = "/api/v1/internal/sessions/" + id;
const std::string identities_path = account_path + "/identities";
const std::string identity_path = identities_path + "/email/a%40b.example";
const std::string player_path = "/api/v1/internal/games/chess-1/players/" + id;
const std::string job_path = "/api/v1/admin/revocations/" + id;
const std::string user_session_path = "/api/v1/user/sessions/" + id;

std::vector<row> rows() {
  return {
    {"GET, HEAD", "/healthz", "healthz", audience::probe},
    {"GET, HEAD", "/readyz", "readyz", audience::probe},
    {"GET, HEAD", "/metrics", "metrics", audience::probe},
    {"GET, HEAD", "/openapi.json", "openapi", audience::probe},
    {"POST", "/api/v1/public/sessions/guest", "mint_guest_session", audience::public_},
    {"GET, HEAD", "/api/v1/public/version", "version", audience::public_},
    {"GET, HEAD, POST", "/api/v1/internal/accounts", "find_account find_or_create_account", audience::internal},
    {"POST", "/api/v1/internal/accounts/guest", "create_guest_account", audience::internal},
    {"GET, HEAD, PATCH, DELETE",
     account_path.c_str(),
     "get_account update_account delete_account",
     audience::internal,
     {id}},
    {"POST", identities_path.c_str(), "link_identity", audience::internal, {id}},
    {"DELETE", identity_path.c_str(), "unlink_identity", audience::internal, {id, "email", "a%40b.example"}},
    {"PUT, DELETE", player_path.c_str(), "seat_player unseat_player", audience::internal, {"chess-1", id}},
    {"DELETE", "/api/v1/internal/games/chess-1", "unseat_game", audience::internal, {"chess-1"}},
    {"POST", "/api/v1/internal/sessions/lookup", "lookup_sessions", audience::internal},
    {"POST", "/api/v1/internal/introspect", "introspect", audience::internal},
    {"GET, HEAD, DELETE",
     account_sessions_path.c_str(),
     "list_account_sessions revoke_account_sessions",
     audience::internal,
     {id}},
    {"POST", "/api/v1/internal/sessions", "mint_session", audience::internal},
    {"GET, HEAD, POST", "/api/v1/internal/sessions/resolve", "resolve_session resolve_session",
     audience::internal},
    {"POST", "/api/v1/internal/sessions/revoke", "revoke_session_by_token", audience::internal},
    {"GET, HEAD, DELETE", session_path.c_str(), "get_session revoke_session", audience::internal, {id}},
    {"GET, HEAD", "/api/v1/internal/revocations", "revocations", audience::internal},
    {"POST", "/oauth2/introspect", "oauth_introspect", audience::internal},
    {"POST", "/oauth2/revoke", "oauth_revoke", audience::internal},
    {"GET, HEAD", "/.well-known/oauth-authorization-server", "oauth_metadata", audience::public_},
    {"GET, HEAD, PATCH", "/api/v1/user/account", "user_account user_update_account", audience::user},
    {"GET, HEAD, DELETE", "/api/v1/user/sessions", "user_sessions user_revoke_sessions", audience::user},
    {"DELETE", user_session_path.c_str(), "user_revoke_session", audience::user, {id}},
    {"GET, HEAD", "/console", "console", audience::admin},
    {"GET, HEAD", "/console/main.js", "console", audience::admin},
    {"GET, HEAD", "/api/v1/admin/accounts", "admin_accounts", audience::admin},
    {"GET, HEAD", "/api/v1/admin/audit", "admin_audit", audience::admin},
    {"GET, HEAD", "/api/v1/admin/stats", "admin_stats", audience::admin},
    {"GET, HEAD", "/api/v1/admin/followers", "admin_followers", audience::admin},
    {"GET, HEAD", "/api/v1/admin/callers", "admin_callers", audience::admin},
    {"GET, HEAD", "/api/v1/admin/reaper", "admin_reaper", audience::admin},
    {"POST", "/api/v1/admin/reaper/run", "admin_run_reaper", audience::admin},
    {"POST", "/api/v1/admin/revocations", "admin_revoke", audience::admin},
    {"GET, HEAD", job_path.c_str(), "admin_revocation", audience::admin, {id}},
  };
}

const std::pair<const char*, verb> verbs[]{
  {"GET", verb::get},     {"HEAD", verb::head},      {"POST", verb::post},       {"PUT", verb::put},
  {"PATCH", verb::patch}, {"DELETE", verb::delete_}, {"OPTIONS", verb::options}, {"PURGE", verb::other}};

bool lists(const std::string& allow, const std::string& verb_name) {
  return (", " + allow + ",").find(", " + verb_name + ",") != std::string::npos;
}

router::match find_route(verb method, std::string_view path) {
  static test::service_routes all;
  return all.get().find(method, path);
}

/// The names of the routes that the path's verbs lead to, HEAD apart, in the order of `verbs`.
std::string names_of(const char* path) {
  std::string names;
  for (const auto& [name, v] : verbs)
    if (const auto m = find_route(v, path); v != verb::head && m.to != nullptr)
      names.append(names.empty() ? "" : " ").append(m.to->name);
  return names;
}

} // namespace

CAF_TEST(every path of the contract leads to its routes) {
  for (const auto& r : rows())
    CAF_CHECK_EQUAL(names_of(r.path), r.name);
}

CAF_TEST(a verb is either served or refused with the list of those that are) {
  for (const auto& r : rows()) {
    for (const auto& [name, v] : verbs) {
      const auto m = find_route(v, r.path);
      CAF_CHECK(m.is_path_known);
      if (m.to != nullptr)
        CAF_CHECK(m.to->group == r.group);
      CAF_CHECK_EQUAL(m.to != nullptr, lists(r.verbs, name));
      CAF_CHECK_EQUAL(std::string{m.allow}, m.to == nullptr ? r.verbs : "");
    }
  }
}

CAF_TEST(HEAD goes where GET goes) {
  for (const auto& r : rows())
    CAF_CHECK(find_route(verb::head, r.path).to == find_route(verb::get, r.path).to);
}

CAF_TEST(the parts of a path are handed over in order) {
  for (const auto& r : rows()) {
    const auto m = find_route(verb::delete_, r.path);
    for (std::size_t i = 0; i < m.params.size(); ++i)
      CAF_CHECK_EQUAL(m.params[i], i < r.params.size() ? r.params[i] : std::string_view{});
  }
  const auto encoded = find_route(verb::get, "/api/v1/internal/accounts/%41");
  CAF_CHECK_EQUAL(encoded.params[0], "%41");
}

CAF_TEST(verify takes any verb and any path below it) {
  for (const auto* path :
       {"/api/v1/internal/verify", "/api/v1/internal/verify/", "/api/v1/internal/verify/a/b//c"})
    for (const auto& [name, v] : verbs)
      CAF_CHECK_EQUAL(find_route(v, path).to->name, "verify");
}

CAF_TEST(what the contract does not name is unknown) {
  for (const auto* path : {"",
                           "/",
                           "*",
                           "//",
                           "healthz",
                           "/healthz/",
                           "/HEALTHZ",
                           "/healthz/x",
                           "/api",
                           "/api/v1",
                           "/api/v1/",
                           "/api/v1/internal",
                           "/api/v1/internal/",
                           "/api/v1/internal/nothing",
                           "/api/v1/internal/sessions/",
                           "/api/v1/internal/sessions/resolve/",
                           "/api/v1/internal/sessions/a/b",
                           "/api/v1/internal/accounts//sessions",
                           "/api/v1/internal/accounts/a/sessions/",
                           "/api/v1/internal/accounts/a/seats",
                           "/api/v1/internal/verifyx",
                           "/api/v1/internal/verif",
                           "/api/v1//internal/sessions",
                           "/api/v1/public/account",
                           "/api/v1/user",
                           "/api/v1/user/sessions/",
                           "/api/v1/admin/nothing",
                           "/api/v2/internal/sessions"})
    for (const auto& [name, v] : verbs) {
      const auto m = find_route(v, path);
      CAF_CHECK(m.to == nullptr && !m.is_path_known && m.allow.empty());
    }
}

CAF_TEST(each path and method has one route) {
  test::service_routes all;
  std::vector<std::pair<std::string_view, verb>> seen;
  for (const auto& r : all.get().routes()) {
    const std::pair key{r.pattern, r.method};
    CAF_CHECK(std::find(seen.begin(), seen.end(), key) == seen.end());
    seen.push_back(key);
    CAF_CHECK(!r.name.empty());
  }
}

CAF_TEST(each route says what right it needs and only probes and files and public ones need none) {
  test::service_routes all;
  for (const auto& r : all.get().routes()) {
    const auto* access = api::find_access(r.name);
    CAF_REQUIRE(access != nullptr);
    const bool is_file = r.name == "openapi" || r.name == "console";
    const bool is_open = r.group == audience::public_ || r.name == "healthz" || r.name == "readyz" || is_file;
    CAF_CHECK_EQUAL(!access->needs, is_open);
    if (r.group == audience::user)
      CAF_CHECK(access->needs == trust::right::users_act);
  }
}

CAF_TEST(a listener serves its groups and the probes) {
  const api::audience_set some{{"public", "metrics"}};
  const api::audience_set all;
  const auto serves = [](const api::audience_set& set, verb v, const char* path) {
    const auto* route = find_route(v, path).to;
    return set.serves(route->group, api::find_access(route->name));
  };
  for (const auto* path : {"/healthz", "/readyz", "/metrics", "/api/v1/public/version"})
    CAF_CHECK(serves(some, verb::get, path) && serves(all, verb::get, path));
  for (const auto* path : {"/api/v1/admin/stats", "/api/v1/user/account", "/api/v1/internal/sessions/resolve"})
    CAF_CHECK(!serves(some, verb::get, path) && serves(all, verb::get, path));
  CAF_CHECK(!serves(api::audience_set{{"admin"}}, verb::get, "/metrics"));
}
