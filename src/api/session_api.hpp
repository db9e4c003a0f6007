#pragma once

#include "api/module.hpp"
#include "http/server/responder.hpp"

namespace portcullis::api {

/// Minting, looking up, listing and ending sessions.
class session_api final : public module {
public:
  session_api(front_pointer self, session_actor sessions) : self_(self), sessions_(std::move(sessions)) {}

  void add_routes(http::router& to) override;

private:
  void mint(const http::call& c, http::responder to);
  void mint_guest(const http::call& c, http::responder to);
  void show(const http::call& c, http::responder to);
  void list(const http::call& c, http::responder to);
  void revoke(const http::call& c, http::responder to);
  void revoke_by_token(const http::call& c, http::responder to);
  void revoke_all(const http::call& c, http::responder to);

  void send_mint(http::responder to, mint_request&& order, bool tells_created);

  front_pointer self_;
  session_actor sessions_;
};

} // namespace portcullis::api
