#include "api/oauth_api.hpp"

#include "api/asking.hpp"
#include "core/token.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <utility>

namespace portcullis::api {

namespace {

namespace json = boost::json;

constexpr std::string_view introspection_path = "/oauth2/introspect";
constexpr std::string_view revocation_path = "/oauth2/revoke";

std::string render_metadata(const std::string& issuer) {
  const json::array methods{"client_secret_basic", "client_secret_post"};
  return json::serialize(json::object{
    {"issuer", issuer},
    {"introspection_endpoint", issuer + std::string{introspection_path}},
    {"introspection_endpoint_auth_methods_supported", methods},
    {"revocation_endpoint", issuer + std::string{revocation_path}},
    {"revocation_endpoint_auth_methods_supported", methods},
    {"response_types_supported", json::array{}}, // required, and no token is issued this way
    {"grant_types_supported", json::array{}},
  });
}

} // namespace

void oauth_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<oauth_api>;
  static constexpr std::array table{
    row{verb::post, introspection_path, "oauth_introspect", audience::internal, trait::pipelined,
        &oauth_api::introspect},
    row{verb::post, revocation_path, "oauth_revoke", audience::internal, trait::change, &oauth_api::revoke},
    row{verb::get, "/.well-known/oauth-authorization-server", "oauth_metadata", audience::public_, trait::early,
        &oauth_api::show_metadata},
  };
  to.add(*this, table);
}

void oauth_api::introspect(const http::call& c, http::responder to) {
  resolving_.introspect(c, to);
}

/// A token that is none, or whose session has ended, is revoked already (RFC 7009, section 2.2).
void oauth_api::revoke(const http::call& c, http::responder to) {
  auto text = http::decode_form_field(c.request.get(http::field::content_type), c.request.body, "token");
  if (!text)
    return to.problem(text.error());
  if (!is_token_form(*text))
    return to.json(200, {});
  to.waits_for("the revocation");
  using done = store::revoke_session::result;
  store::revoke_session order{
    hash_token(*text), std::nullopt, {"", std::string{http::to_string(http::audience::internal)}}};
  order.origin = origin_of(c, to, http::audience::internal);
  self_->request(sessions_, caf::infinite, std::move(order))
    .then([to](const done& d) { guard("revoked", [&] {
                                  api::send(to, {200, {}, d.position});
                                }); },
          [to](const caf::error& err) {
            guard("revoke", [&] {
              auto why = to_failure(err);
              if (why.code == errc::session_not_found)
                to.json(200, {});
              else
                to.problem(why);
            });
          });
}

void oauth_api::show_metadata(const http::call& c, http::responder to) {
  if (!issuer_.empty())
    return to.json(200, render_metadata(issuer_));
  const auto host = http::field_lines{c.request.head, "Host"}.next().value_or("");
  if (host.empty())
    return to.problem({errc::request_malformed, "the request does not say at which host it is"});
  to.json(200, render_metadata("https://" + std::string{host}));
}

} // namespace portcullis::api
