#include "api/user_api.hpp"

#include "api/account_requests.hpp"
#include "api/asking.hpp"
#include "api/session_requests.hpp"

#include <array>
#include <utility>

namespace portcullis::api {

namespace {

struct acting_user {
  uuid account_id;
  std::optional<uuid> session_id; // the one that the request was made with
};

/// Whom the gateway says the request comes from: exactly one X-User-ID, since of two nobody knows which one it
/// set.
result<acting_user> user_of(const http::request& r) {
  auto user = uuid::parse(r.get(http::field::x_user_id));
  if (!user)
    return failure{errc::user_required, "X-User-ID does not name an account"};
  return acting_user{*user, uuid::parse(r.get(http::field::x_session_id))};
}

} // namespace

void user_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<user_api>;
  static constexpr std::array table{
    row{verb::get, "/api/v1/user/account", "user_account", audience::user, trait::none, &user_api::show_account},
    row{verb::patch, "/api/v1/user/account", "user_update_account", audience::user, trait::change,
        &user_api::update_account},
    row{verb::get, "/api/v1/user/sessions", "user_sessions", audience::user, trait::none, &user_api::list},
    row{verb::delete_, "/api/v1/user/sessions", "user_revoke_sessions", audience::user, trait::change,
        &user_api::revoke_all},
    row{verb::delete_, "/api/v1/user/sessions/{session_id}", "user_revoke_session", audience::user, trait::change,
        &user_api::revoke},
  };
  to.add(*this, table);
}

void user_api::show_account(const http::call& c, http::responder to) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  api::show_account(self_, to, accounts_, store::get_account{user->account_id});
}

void user_api::update_account(const http::call& c, http::responder to) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  rename_account(self_, to, accounts_, c.request, user->account_id);
}

void user_api::list(const http::call& c, http::responder to) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  list_sessions(self_, to, sessions_, c.request, user->account_id, user->session_id);
}

void user_api::revoke(const http::call& c, http::responder to) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  revoke_session(self_, to, sessions_, c.request, *id, user->account_id);
}

void user_api::revoke_all(const http::call& c, http::responder to) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  auto keep = http::query_parameter(c.request.query, "keep");
  if (!keep)
    return to.problem(keep.error());
  bool keeps_current = keep->has_value();
  if (keeps_current && **keep != "current")
    return to.problem({errc::value_unacceptable, "keep takes the value current"});
  if (keeps_current && !user->session_id)
    return to.problem({errc::parameter_malformed, "keep=current needs X-Session-ID"});
  revoke_account(self_, to, sessions_, c.request, user->account_id,
                 keeps_current ? user->session_id : std::nullopt, http::audience::user);
}

} // namespace portcullis::api
