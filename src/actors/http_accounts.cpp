#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"
#include "http/json.hpp"

#include <utility>

namespace portcullis {

using http::route;

namespace {

rendered show(const account& a) {
  return {200, http::render_account(a)};
}

} // namespace

void http_front_state::handle_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const http::match& m) {
  switch (m.to) {
  case route::find_or_create_account:
    return find_or_create_account(c, x, r);
  case route::create_guest_account:
    return ask<account>(c, x, peers_.accounts, create_guest_request{}, [](const account& a) {
      return rendered{201, http::render_account(a)};
    });
  case route::find_account: {
    auto key = http::decode_identity_query(r.query);
    if (auto* what = std::get_if<failure>(&key))
      return answer_problem(c, x, *what);
    return ask<account>(c, x, peers_.accounts, db::find_account{std::get<identity_key>(key)}, show);
  }
  case route::seat_player:
    return seat_player(c, x, r, m);
  default:
    break;
  }
  auto id = http::decode_id(m.params[0]);
  if (auto* what = std::get_if<failure>(&id))
    return answer_problem(c, x, *what);
  auto account_id = std::get<uuid>(id);
  switch (m.to) {
  case route::get_account:
    return ask<account>(c, x, peers_.accounts, db::get_account{account_id}, show);
  case route::update_account:
    return update_account(c, x, r, account_id);
  case route::link_identity:
    return link_identity(c, x, r, account_id);
  case route::unlink_identity: {
    auto key = http::decode_identity_segments(m.params[1], m.params[2]);
    if (auto* what = std::get_if<failure>(&key))
      return answer_problem(c, x, *what);
    return ask<account>(c, x, peers_.accounts, db::unlink_identity{account_id, std::get<identity_key>(key)}, show);
  }
  default:
    return delete_account(c, x, r, account_id);
  }
}

void http_front_state::find_or_create_account(http_connection& c, http_exchange& x, const http::request& r) {
  if (auto refusal = http::check_json_media_type(r.get(http::field::content_type), r.body))
    return answer_problem(c, x, *refusal);
  auto decoded = http::decode_account(r.body);
  if (auto* what = std::get_if<failure>(&decoded))
    return answer_problem(c, x, *what);
  auto& body = std::get<http::account_body>(decoded);
  using found = db::find_or_create_account::result;
  ask<found>(c, x, peers_.accounts, find_or_create_request{std::move(body.identity), std::move(body.display_name)},
             [](const found& f) {
               return rendered{f.created ? 201 : 200, http::render_account_created(f.account, f.created)};
             });
}

void http_front_state::update_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const uuid& account_id) {
  if (auto refusal = http::check_json_media_type(r.get(http::field::content_type), r.body))
    return answer_problem(c, x, *refusal);
  auto decoded = http::decode_profile(r.body);
  if (auto* what = std::get_if<failure>(&decoded))
    return answer_problem(c, x, *what);
  ask<account>(c, x, peers_.accounts,
               db::set_display_name{account_id, std::move(std::get<http::profile_body>(decoded).display_name)},
               show);
}

void http_front_state::link_identity(http_connection& c, http_exchange& x, const http::request& r,
                                     const uuid& account_id) {
  if (auto refusal = http::check_json_media_type(r.get(http::field::content_type), r.body))
    return answer_problem(c, x, *refusal);
  auto decoded = http::decode_link(r.body);
  if (auto* what = std::get_if<failure>(&decoded))
    return answer_problem(c, x, *what);
  auto& body = std::get<http::link_body>(decoded);
  link_request order{account_id, std::move(body.identity), std::nullopt, std::move(body.device),
                     cause_of("identity linked", http::audience::internal)};
  if (body.rotate) {
    auto token_text = http::bearer_token(r);
    if (auto* what = std::get_if<failure>(&token_text))
      return answer_problem(c, x, *what);
    order.rotate = hash_token(std::get<std::string_view>(token_text));
  }
  ask<link_reply>(c, x, peers_.accounts, std::move(order), [](const link_reply& linked) {
    auto token_text = linked.token ? linked.token->reveal() : std::string_view{};
    return rendered{linked.was_linked ? 200 : 201,
                    http::render_linked(linked.account, token_text, linked.session)};
  });
}

void http_front_state::seat_player(http_connection& c, http_exchange& x, const http::request& r,
                                   const http::match& m) {
  if (auto refusal = http::check_json_media_type(r.get(http::field::content_type), r.body))
    return answer_problem(c, x, *refusal);
  auto game_id = http::decode_id(m.params[0]);
  if (auto* what = std::get_if<failure>(&game_id))
    return answer_problem(c, x, *what);
  auto account_id = http::decode_id(m.params[1]);
  if (auto* what = std::get_if<failure>(&account_id))
    return answer_problem(c, x, *what);
  auto decoded = http::decode_seat(r.body);
  if (auto* what = std::get_if<failure>(&decoded))
    return answer_problem(c, x, *what);
  using seated = db::seat_player::result;
  ask<seated>(
    c, x, peers_.accounts,
    db::seat_player{std::get<uuid>(game_id), std::get<uuid>(account_id), std::get<http::seat_body>(decoded).seat},
    [](const seated&) {
      return rendered{204, {}};
    });
}

void http_front_state::delete_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const uuid& account_id) {
  auto decoded = revocation_of(r);
  if (auto* what = std::get_if<failure>(&decoded))
    return answer_problem(c, x, *what);
  using deleted = db::delete_account::result;
  ask<deleted>(c, x, peers_.accounts,
               db::delete_account{
                 account_id, cause_of(std::get<http::revocation_body>(decoded).reason, http::audience::internal)},
               [](const deleted&) {
                 return rendered{204, {}};
               });
}

} // namespace portcullis
