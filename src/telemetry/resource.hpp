#pragma once

#include "core/uuid.hpp"
#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

#include <algorithm>
#include <cstdint>
#include <opentelemetry/sdk/resource/resource.h>
#include <random>
#include <string>

namespace portcullis::tracing {

/// Tells this process from the others of its name, whose numbers would be taken for the same: a version 4 UUID.
inline const std::string& instance_id() {
  static const std::string id = [] {
    uuid made;
    std::random_device random;
    std::generate(made.bytes.begin(), made.bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    made.bytes[6] = (made.bytes[6] & 0x0F) | 0x40;
    made.bytes[8] = (made.bytes[8] & 0x3F) | 0x80;
    return to_string(made);
  }();
  return id;
}

/// What all signals say of the process. Not by the SDK's `Create`, which reads OTEL_RESOURCE_ATTRIBUTES without
/// decoding it.
inline opentelemetry::sdk::resource::Resource resource_of(const options& o, const otel_environment& env) {
  struct made final : opentelemetry::sdk::resource::Resource { // its constructor is protected
    explicit made(const opentelemetry::sdk::resource::ResourceAttributes& attributes) : Resource{attributes} {}
  };
  opentelemetry::sdk::resource::ResourceAttributes attributes{{"service.instance.id", instance_id()}};
  for (const auto& [key, value] : env.resource)
    attributes[key] = value;
  attributes["service.name"] = o.service_name;
  attributes["service.version"] = o.service_version;
  return opentelemetry::sdk::resource::Resource::GetDefault().Merge(made{attributes});
}

} // namespace portcullis::tracing
