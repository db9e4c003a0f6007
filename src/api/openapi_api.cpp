#include "api/openapi_api.hpp"

#include <array>

namespace portcullis::api {

void openapi_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  static constexpr std::array table{
    http::endpoint<openapi_api>{verb::get, "/openapi.json", "openapi", audience::probe, trait::early,
                                &openapi_api::show},
  };
  to.add(*this, table);
}

void openapi_api::show(const http::call& c, http::responder to) {
  send_asset(c.request, to, openapi_document());
}

} // namespace portcullis::api
