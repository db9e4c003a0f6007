#include "api/session_api.hpp"

#include "api/asking.hpp"
#include "api/session_requests.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"

#include <array>
#include <utility>

namespace portcullis::api {

void session_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<session_api>;
  static constexpr std::array table{
    row{verb::post, "/api/v1/public/sessions/guest", "mint_guest_session", audience::public_, trait::change,
        &session_api::mint_guest},
    row{verb::post, "/api/v1/internal/sessions", "mint_session", audience::internal, trait::change,
        &session_api::mint},
    row{verb::post, "/api/v1/internal/sessions/revoke", "revoke_session_by_token", audience::internal,
        trait::change, &session_api::revoke_by_token},
    row{verb::get, "/api/v1/internal/sessions/{session_id}", "get_session", audience::internal, trait::none,
        &session_api::show},
    row{verb::delete_, "/api/v1/internal/sessions/{session_id}", "revoke_session", audience::internal,
        trait::change, &session_api::revoke},
    row{verb::get, "/api/v1/internal/accounts/{account_id}/sessions", "list_account_sessions", audience::internal,
        trait::none, &session_api::list},
    row{verb::delete_, "/api/v1/internal/accounts/{account_id}/sessions", "revoke_account_sessions",
        audience::internal, trait::change, &session_api::revoke_all},
  };
  to.add(*this, table);
}

void session_api::mint(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_mint);
  if (!body)
    return to.problem(body.error());
  mint_request order;
  order.origin = origin_of(c, to, http::audience::internal);
  order.device = std::move(body->device);
  if (auto* account_id = std::get_if<uuid>(&body->holder))
    order.holder = *account_id;
  else
    order.holder = identity_holder{std::get<identity_key>(body->holder), std::move(body->display_name)};
  send_mint(to, std::move(order), true);
}

void session_api::mint_guest(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_guest_mint);
  if (!body)
    return to.problem(body.error());
  send_mint(to, {guest_holder{}, std::move(body->device), origin_of(c, to, http::audience::public_)}, false);
}

void session_api::send_mint(http::responder to, mint_request&& order, bool tells_created) {
  ask<mint_reply>(self_, to, "minting", sessions_, std::move(order), [tells_created](const mint_reply& made) {
    auto created = tells_created ? std::optional{made.account_created} : std::nullopt;
    return rendered{201, render_minted(made.token.reveal(), made.session, made.account, created), made.position};
  });
}

void session_api::show(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  ask<session>(self_, to, "reading the session", sessions_, store::get_session{*id}, [](const session& s) {
    return rendered{200, render_session(s), {}};
  });
}

void session_api::list(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  list_sessions(self_, to, sessions_, c.request, *id, std::nullopt);
}

void session_api::revoke(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  revoke_session(self_, to, sessions_, c, *id, std::nullopt);
}

void session_api::revoke_by_token(const http::call& c, http::responder to) {
  auto text = http::bearer_token(c.request);
  if (!text)
    return to.problem(text.error());
  revoke_session(self_, to, sessions_, c, hash_token(*text), std::nullopt);
}

void session_api::revoke_all(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  revoke_account(self_, to, sessions_, c, *id, std::nullopt, http::audience::internal);
}

} // namespace portcullis::api
