#pragma once

#include "api/module.hpp"

#include <string>
#include <string_view>

namespace portcullis::api {

/// What runs here.
class version_api final : public module {
public:
  version_api(std::string_view service_name, std::string_view version);

  void add_routes(http::router& to) override;

private:
  void show(const http::call& c, http::responder to);

  std::string body_;
};

} // namespace portcullis::api
