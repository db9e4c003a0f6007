#pragma once

#include "api/asking.hpp"

#include <utility>

/// What gateways and people ask of accounts alike.
namespace portcullis::api {

/// Answers with the account that `what` finds or changes.
template <class Message>
void show_account(front_pointer self, http::responder to, const account_actor& accounts, Message what) {
  ask<account>(self, to, "reading the account", accounts, std::move(what), [](const account& a) {
    return rendered{200, render_account(a), {}};
  });
}

inline void rename_account(front_pointer self, http::responder to, const account_actor& accounts,
                           const http::call& c, const uuid& account_id, http::audience group) {
  auto body = decode_body(c.request, decode_profile);
  if (!body)
    return to.problem(body.error());
  store::set_display_name order{account_id, std::move(body->display_name)};
  order.origin = origin_of(c, to, group, group == http::audience::user ? std::optional{account_id} : std::nullopt);
  show_account(self, to, accounts, std::move(order));
}

} // namespace portcullis::api
