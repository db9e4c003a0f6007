#pragma once

#include "api/module.hpp"
#include "http/server/responder.hpp"

namespace portcullis::api {

/// What a person does with their own account and sessions. The gateway has verified the token and says who it is.
class user_api final : public module {
public:
  user_api(front_pointer self, session_recall_actor memory, session_actor sessions, account_actor accounts)
    : self_(self), memory_(std::move(memory)), sessions_(std::move(sessions)), accounts_(std::move(accounts)) {}

  void add_routes(http::router& to) override;

private:
  struct acting_user {
    uuid account_id;
    std::optional<uuid> session_id; // the one that the request was made with
  };
  using action = std::function<void(const http::call& c, http::responder to, const acting_user& user)>;

  void show_account(const http::call& c, http::responder to);
  void update_account(const http::call& c, http::responder to);
  void list(const http::call& c, http::responder to);
  void revoke(const http::call& c, http::responder to);
  void revoke_all(const http::call& c, http::responder to);

  static result<acting_user> user_of(const http::request& r);
  void act(const http::call& c, http::responder to, action then);
  void check_in_memory(const acting_user& user, http::responder to, std::function<void()> then);
  void check_in_store(const acting_user& user, http::responder to, std::function<void()> then);

  front_pointer self_;
  session_recall_actor memory_;
  session_actor sessions_;
  account_actor accounts_;
};

} // namespace portcullis::api
