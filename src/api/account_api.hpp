#pragma once

#include "api/module.hpp"
#include "http/server/responder.hpp"

namespace portcullis::api {

/// Accounts, their identities and their seats, for gateways and services.
class account_api final : public module {
public:
  account_api(front_pointer self, account_actor accounts) : self_(self), accounts_(std::move(accounts)) {}

  void add_routes(http::router& to) override;

private:
  void find_or_create(const http::call& c, http::responder to);
  void create_guest(const http::call& c, http::responder to);
  void find(const http::call& c, http::responder to);
  void show(const http::call& c, http::responder to);
  void update(const http::call& c, http::responder to);
  void remove(const http::call& c, http::responder to);
  void link(const http::call& c, http::responder to);
  void unlink(const http::call& c, http::responder to);
  void seat(const http::call& c, http::responder to);
  void unseat(const http::call& c, http::responder to);
  void unseat_all(const http::call& c, http::responder to);

  front_pointer self_;
  account_actor accounts_;
};

} // namespace portcullis::api
