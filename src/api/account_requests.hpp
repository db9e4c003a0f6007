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
                           const http::request& r, const uuid& account_id) {
  auto body = decode_body(r, decode_profile);
  if (!body)
    return to.problem(body.error());
  show_account(self, to, accounts, store::set_display_name{account_id, std::move(body->display_name)});
}

} // namespace portcullis::api
