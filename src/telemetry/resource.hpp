#pragma once

#include "telemetry/tracing.hpp"

#include <opentelemetry/sdk/resource/resource.h>

namespace portcullis::tracing {

/// What all signals say of the process, beside what OTEL_RESOURCE_ATTRIBUTES has.
inline opentelemetry::sdk::resource::Resource resource_of(const options& o) {
  return opentelemetry::sdk::resource::Resource::Create(
    {{"service.name", o.service_name}, {"service.version", o.service_version}});
}

} // namespace portcullis::tracing
