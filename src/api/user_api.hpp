#pragma once

#include "api/module.hpp"
#include "http/server/responder.hpp"

namespace portcullis::api {

/// What a person does with their own account and sessions. The gateway has verified the token and says who it is.
class user_api final : public module {
public:
  user_api(front_pointer self, session_actor sessions, account_actor accounts)
    : self_(self), sessions_(std::move(sessions)), accounts_(std::move(accounts)) {}

  void add_routes(http::router& to) override;

private:
  void show_account(const http::call& c, http::responder to);
  void update_account(const http::call& c, http::responder to);
  void list(const http::call& c, http::responder to);
  void revoke(const http::call& c, http::responder to);
  void revoke_all(const http::call& c, http::responder to);

  front_pointer self_;
  session_actor sessions_;
  account_actor accounts_;
};

} // namespace portcullis::api
