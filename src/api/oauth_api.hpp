#pragma once

#include "api/module.hpp"
#include "api/resolve_api.hpp"
#include "http/server/responder.hpp"

#include <string>

namespace portcullis::api {

/// What plug-ins of gateways expect of an OAuth 2.0 authorization server, at the paths where they expect it:
/// introspection (RFC 7662), revocation (RFC 7009) and metadata (RFC 8414).
class oauth_api final : public module {
public:
  /// `issuer`: what the service is called, without a slash at the end; empty: what a request calls it.
  oauth_api(front_pointer self, resolve_api& resolving, session_actor sessions, std::string issuer)
    : self_(self), resolving_(resolving), sessions_(std::move(sessions)), issuer_(std::move(issuer)) {}

  void add_routes(http::router& to) override;

private:
  void introspect(const http::call& c, http::responder to);
  void revoke(const http::call& c, http::responder to);
  void show_metadata(const http::call& c, http::responder to);

  front_pointer self_;
  resolve_api& resolving_;
  session_actor sessions_;
  std::string issuer_;
};

} // namespace portcullis::api
