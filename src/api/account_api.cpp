#include "api/account_api.hpp"

#include "api/account_requests.hpp"
#include "api/asking.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"

#include <array>
#include <utility>

namespace portcullis::api {

void account_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<account_api>;
  constexpr auto internal = audience::internal;
  constexpr auto change = trait::change;
  static constexpr std::array table{
    row{verb::get, "/api/v1/internal/accounts", "find_account", internal, trait::none, &account_api::find},
    row{verb::post, "/api/v1/internal/accounts", "find_or_create_account", internal, change,
        &account_api::find_or_create},
    row{verb::post, "/api/v1/internal/accounts/guest", "create_guest_account", internal, change,
        &account_api::create_guest},
    row{verb::get, "/api/v1/internal/accounts/{account_id}", "get_account", internal, trait::none,
        &account_api::show},
    row{verb::patch, "/api/v1/internal/accounts/{account_id}", "update_account", internal, change,
        &account_api::update},
    row{verb::delete_, "/api/v1/internal/accounts/{account_id}", "delete_account", internal, change,
        &account_api::remove},
    row{verb::post, "/api/v1/internal/accounts/{account_id}/identities", "link_identity", internal, change,
        &account_api::link},
    row{verb::delete_, "/api/v1/internal/accounts/{account_id}/identities/{kind}/{external_id}", "unlink_identity",
        internal, change, &account_api::unlink},
    row{verb::put, "/api/v1/internal/games/{game_id}/players/{account_id}", "seat_player", internal, change,
        &account_api::seat},
    row{verb::delete_, "/api/v1/internal/games/{game_id}/players/{account_id}", "unseat_player", internal, change,
        &account_api::unseat},
    row{verb::delete_, "/api/v1/internal/games/{game_id}", "unseat_game", internal, change,
        &account_api::unseat_all},
  };
  to.add(*this, table);
}

void account_api::find_or_create(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_account);
  if (!body)
    return to.problem(body.error());
  using found = store::find_or_create_account::result;
  ask<found>(self_, to, "finding the account", accounts_,
             find_or_create_request{std::move(body->identity), std::move(body->display_name),
                                    origin_of(c, to, http::audience::internal)},
             [](const found& f) {
               return rendered{f.created ? 201 : 200, render_account_created(f.account, f.created), {}};
             });
}

void account_api::create_guest(const http::call& c, http::responder to) {
  ask<account>(self_, to, "making the guest", accounts_,
               create_guest_request{origin_of(c, to, http::audience::internal)}, [](const account& a) {
                 return rendered{201, render_account(a), {}};
               });
}

void account_api::find(const http::call& c, http::responder to) {
  auto key = decode_identity_query(c.request.query);
  if (!key)
    return to.problem(key.error());
  show_account(self_, to, accounts_, store::find_account{*std::move(key)});
}

void account_api::show(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  show_account(self_, to, accounts_, store::get_account{*id});
}

void account_api::update(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  rename_account(self_, to, accounts_, c, *id, http::audience::internal);
}

void account_api::remove(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  auto cause = cause_of(c.request, http::audience::internal);
  if (!cause)
    return to.problem(cause.error());
  using deleted = store::delete_account::result;
  store::delete_account order{*id, *std::move(cause)};
  order.origin = origin_of(c, to, http::audience::internal);
  ask<deleted>(self_, to, "deleting the account", accounts_, std::move(order), [](const deleted& d) {
    return rendered{204, {}, d.position};
  });
}

void account_api::link(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  auto body = decode_body(c.request, decode_link);
  if (!body)
    return to.problem(body.error());
  link_request order{*id,
                     std::move(body->identity),
                     std::nullopt,
                     std::move(body->device),
                     {"identity linked", std::string{to_string(http::audience::internal)}},
                     origin_of(c, to, http::audience::internal)};
  if (body->rotate) {
    auto text = http::bearer_token(c.request);
    if (!text)
      return to.problem(text.error());
    order.rotate = hash_token(*text);
  }
  ask<link_reply>(self_, to, "linking the identity", accounts_, std::move(order), [](const link_reply& linked) {
    auto token_text = linked.token ? linked.token->reveal() : std::string_view{};
    return rendered{linked.was_linked ? 200 : 201, render_linked(linked.account, token_text, linked.session),
                    linked.position};
  });
}

void account_api::unlink(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  auto key = decode_identity_segments(c.params[1], c.params[2]);
  if (!key)
    return to.problem(key.error());
  store::unlink_identity order{*id, *std::move(key)};
  order.origin = origin_of(c, to, http::audience::internal);
  show_account(self_, to, accounts_, std::move(order));
}

void account_api::seat(const http::call& c, http::responder to) {
  auto game_id = decode_id(c.params[0]);
  if (!game_id)
    return to.problem(game_id.error());
  auto account_id = decode_id(c.params[1]);
  if (!account_id)
    return to.problem(account_id.error());
  auto body = decode_body(c.request, decode_seat);
  if (!body)
    return to.problem(body.error());
  using seated = store::seat_player::result;
  store::seat_player order{*game_id, *account_id, body->seat};
  order.origin = origin_of(c, to, http::audience::internal);
  ask<seated>(self_, to, "seating the player", accounts_, std::move(order), [](const seated&) {
    return rendered{204, {}, {}};
  });
}

void account_api::unseat(const http::call& c, http::responder to) {
  auto game_id = decode_id(c.params[0]);
  if (!game_id)
    return to.problem(game_id.error());
  auto account_id = decode_id(c.params[1]);
  if (!account_id)
    return to.problem(account_id.error());
  using unseated = store::unseat_player::result;
  store::unseat_player order{*game_id, *account_id};
  order.origin = origin_of(c, to, http::audience::internal);
  ask<unseated>(self_, to, "taking the seat back", accounts_, std::move(order), [](const unseated& u) {
    return rendered{204, {}, u.position};
  });
}

void account_api::unseat_all(const http::call& c, http::responder to) {
  auto game_id = decode_id(c.params[0]);
  if (!game_id)
    return to.problem(game_id.error());
  using unseated = store::unseat_game::result;
  store::unseat_game order{*game_id};
  order.origin = origin_of(c, to, http::audience::internal);
  ask<unseated>(self_, to, "taking the seats back", accounts_, std::move(order), [](const unseated& u) {
    return rendered{204, {}, u.position};
  });
}

} // namespace portcullis::api
