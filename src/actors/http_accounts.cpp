#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"
#include "api/json.hpp"
#include "http/query.hpp"

#include <utility>

namespace portcullis {

using http::route;

namespace {

rendered show(const account& a) {
  return {200, api::render_account(a)};
}

} // namespace

void http_front_state::handle_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const http::match& m) {
  switch (m.to) {
  case route::find_or_create_account:
    return find_or_create_account(c, x, r);
  case route::create_guest_account:
    return ask<account>(c, x, peers_.accounts, create_guest_request{}, [](const account& a) {
      return rendered{201, api::render_account(a)};
    });
  case route::find_account: {
    auto key = api::decode_identity_query(r.query);
    if (!key)
      return answer_problem(c, x, key.error());
    return ask<account>(c, x, peers_.accounts, store::find_account{*key}, show);
  }
  case route::seat_player:
    return seat_player(c, x, r, m);
  default:
    break;
  }
  auto id = api::decode_id(m.params[0]);
  if (!id)
    return answer_problem(c, x, id.error());
  auto account_id = *id;
  switch (m.to) {
  case route::get_account:
    return ask<account>(c, x, peers_.accounts, store::get_account{account_id}, show);
  case route::update_account:
    return update_account(c, x, r, account_id);
  case route::link_identity:
    return link_identity(c, x, r, account_id);
  case route::unlink_identity: {
    auto key = api::decode_identity_segments(m.params[1], m.params[2]);
    if (!key)
      return answer_problem(c, x, key.error());
    return ask<account>(c, x, peers_.accounts, store::unlink_identity{account_id, *key}, show);
  }
  default:
    return delete_account(c, x, r, account_id);
  }
}

void http_front_state::find_or_create_account(http_connection& c, http_exchange& x, const http::request& r) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_account(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto& body = *decoded;
  using found = store::find_or_create_account::result;
  ask<found>(c, x, peers_.accounts, find_or_create_request{std::move(body.identity), std::move(body.display_name)},
             [](const found& f) {
               return rendered{f.created ? 201 : 200, api::render_account_created(f.account, f.created)};
             });
}

void http_front_state::update_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const uuid& account_id) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_profile(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  ask<account>(c, x, peers_.accounts,
               store::set_display_name{account_id, std::move(decoded->display_name)},
               show);
}

void http_front_state::link_identity(http_connection& c, http_exchange& x, const http::request& r,
                                     const uuid& account_id) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_link(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto& body = *decoded;
  link_request order{account_id, std::move(body.identity), std::nullopt, std::move(body.device),
                     cause_of("identity linked", http::audience::internal)};
  if (body.rotate) {
    auto token_text = http::bearer_token(r);
    if (!token_text)
      return answer_problem(c, x, token_text.error());
    order.rotate = hash_token(*token_text);
  }
  ask<link_reply>(c, x, peers_.accounts, std::move(order), [](const link_reply& linked) {
    auto token_text = linked.token ? linked.token->reveal() : std::string_view{};
    return rendered{linked.was_linked ? 200 : 201,
                    api::render_linked(linked.account, token_text, linked.session)};
  });
}

void http_front_state::seat_player(http_connection& c, http_exchange& x, const http::request& r,
                                   const http::match& m) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto game_id = api::decode_id(m.params[0]);
  if (!game_id)
    return answer_problem(c, x, game_id.error());
  auto account_id = api::decode_id(m.params[1]);
  if (!account_id)
    return answer_problem(c, x, account_id.error());
  auto decoded = api::decode_seat(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  using seated = store::seat_player::result;
  ask<seated>(
    c, x, peers_.accounts,
    store::seat_player{*game_id, *account_id, decoded->seat},
    [](const seated&) {
      return rendered{204, {}};
    });
}

void http_front_state::delete_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const uuid& account_id) {
  auto decoded = revocation_of(r);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  using deleted = store::delete_account::result;
  ask<deleted>(c, x, peers_.accounts,
               store::delete_account{
                 account_id, cause_of(decoded->reason, http::audience::internal)},
               [](const deleted&) {
                 return rendered{204, {}};
               });
}

} // namespace portcullis
