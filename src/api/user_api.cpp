#include "api/user_api.hpp"

#include "api/account_requests.hpp"
#include "api/asking.hpp"
#include "api/session_requests.hpp"
#include "http/owned_request.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::string_view session_wait = "the check of the session";

failure no_session_of_user() {
  return {errc::session_unknown, "X-Session-ID is not a session of the account in X-User-ID"};
}

/// Nothing if it is a live one of the account's.
std::optional<failure> fault_of(const session& s, const uuid& account_id) {
  if (s.account_id != account_id)
    return no_session_of_user();
  if (s.revoked_at)
    return failure{errc::session_revoked, "the session in X-Session-ID has ended"};
  if (!s.is_active)
    return failure{errc::session_expired, "the session in X-Session-ID is older than sessions may grow"};
  return std::nullopt;
}

/// A call that waits, with all that it says; the path's parameters were read before.
class held_call {
public:
  explicit held_call(const http::call& from)
    : request_(from.request), caller_(from.from.caller), address_(from.from.address) {}

  http::call get() const {
    return {request_.get(), {}, {caller_, address_}};
  }

private:
  http::owned_request request_;
  std::string caller_;
  std::string address_;
};

} // namespace

/// Whom the gateway says the request comes from: exactly one X-User-ID, since of two nobody knows which one it
/// set.
result<user_api::acting_user> user_api::user_of(const http::request& r) {
  auto user = uuid::parse(r.get(http::field::x_user_id));
  if (!user)
    return failure{errc::user_required, "X-User-ID does not name an account"};
  auto text = http::sole_value(r, http::field::x_session_id);
  if (!text)
    return text.error();
  if (text->empty())
    return acting_user{*user, std::nullopt};
  auto session_id = uuid::parse(*text);
  if (!session_id)
    return failure{errc::id_malformed, "X-Session-ID is not a UUID"};
  return acting_user{*user, *session_id};
}

/// A request that names its session is done only if that is a live one of the account: a gateway that mixes two
/// people's headers up, or goes on after a session's end, acts for nobody.
void user_api::act(const http::call& c, http::responder to, action then) {
  auto user = user_of(c.request);
  if (!user)
    return to.problem(user.error());
  if (!user->session_id)
    return then(c, to, *user);
  auto held = std::make_shared<held_call>(c);
  check_in_memory(*user, to, [held, to, then = std::move(then), user = *user] { then(held->get(), to, user); });
}

void user_api::check_in_memory(const acting_user& user, http::responder to, std::function<void()> then) {
  using knowledge = peeked_sessions::knowledge;
  to.waits_for(session_wait);
  auto judge = [this, user, to, then = std::move(then)](const recalled_session& found) {
    switch (found.known) {
    case knowledge::active:
      return found.account_id == user.account_id ? then() : to.problem(no_session_of_user());
    case knowledge::expired:
    case knowledge::revoked: // whose it was, only the table tells
    case knowledge::unknown:
    case knowledge::must_load:
      return check_in_store(user, to, then);
    }
  };
  self_->request(memory_, caf::infinite, recall_session{*user.session_id})
    .then([judge](const recalled_session& found) { guard("recalled", [&] { judge(found); }); },
          [to](const caf::error& err) { guard("recall", [&] { to.problem(to_failure(err)); }); });
}

void user_api::check_in_store(const acting_user& user, http::responder to, std::function<void()> then) {
  self_->request(sessions_, caf::infinite, store::get_session{*user.session_id})
    .then(
      [user, to, then = std::move(then)](const session& found) {
        guard("session", [&] {
          auto fault = fault_of(found, user.account_id);
          return fault ? to.problem(*fault) : then();
        });
      },
      [to](const caf::error& err) {
        guard("session", [&] {
          auto why = to_failure(err);
          to.problem(why.code == errc::session_not_found ? no_session_of_user() : why);
        });
      });
}

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
  act(c, to, [this](const http::call&, http::responder answer, const acting_user& user) {
    api::show_account(self_, answer, accounts_, store::get_account{user.account_id});
  });
}

void user_api::update_account(const http::call& c, http::responder to) {
  act(c, to, [this](const http::call& asked, http::responder answer, const acting_user& user) {
    rename_account(self_, answer, accounts_, asked, user.account_id, http::audience::user);
  });
}

void user_api::list(const http::call& c, http::responder to) {
  act(c, to, [this](const http::call& asked, http::responder answer, const acting_user& user) {
    list_sessions(self_, answer, sessions_, asked.request, user.account_id, user.session_id);
  });
}

void user_api::revoke(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  act(c, to, [this, id](const http::call& asked, http::responder answer, const acting_user& user) {
    if (!id)
      return answer.problem(id.error());
    revoke_session(self_, answer, sessions_, asked, *id, user.account_id);
  });
}

void user_api::revoke_all(const http::call& c, http::responder to) {
  act(c, to, [this](const http::call& asked, http::responder answer, const acting_user& user) {
    auto keep = http::query_parameter(asked.request.query, "keep");
    if (!keep)
      return answer.problem(keep.error());
    bool keeps_current = keep->has_value();
    if (keeps_current && **keep != "current")
      return answer.problem({errc::value_unacceptable, "keep takes the value current"});
    if (keeps_current && !user.session_id)
      return answer.problem({errc::parameter_malformed, "keep=current needs X-Session-ID"});
    revoke_account(self_, answer, sessions_, asked, user.account_id,
                   keeps_current ? user.session_id : std::nullopt, http::audience::user);
  });
}

} // namespace portcullis::api
