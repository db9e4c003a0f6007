#include "api/version_api.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <array>

namespace portcullis::api {

version_api::version_api(std::string_view service_name, std::string_view version)
  : body_(boost::json::serialize(boost::json::value{{"service", service_name}, {"version", version}})) {}

void version_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  static constexpr std::array table{
    http::endpoint<version_api>{verb::get, "/api/v1/public/version", "version", audience::public_, trait::early,
                                &version_api::show},
  };
  to.add(*this, table);
}

void version_api::show(const http::call&, http::responder to) {
  to.json(200, body_);
}

} // namespace portcullis::api
