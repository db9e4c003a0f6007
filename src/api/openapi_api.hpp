#pragma once

#include "api/asset.hpp"
#include "api/module.hpp"

namespace portcullis::api {

/// The contract as an OpenAPI document: docs/openapi.yaml, as JSON. Made by the build.
const asset& openapi_document() noexcept;

/// Serves that document. It holds nothing that a deployment would hide, so whoever reaches a listener may read it,
/// as with a probe.
class openapi_api final : public module {
public:
  void add_routes(http::router& to) override;

private:
  void show(const http::call& c, http::responder to);
};

} // namespace portcullis::api
