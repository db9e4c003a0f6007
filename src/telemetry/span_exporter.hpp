#pragma once

#include "telemetry/tracing.hpp"

#include <cstddef>
#include <memory>
#include <opentelemetry/sdk/trace/exporter.h>

namespace portcullis::tracing {

/// By OTLP, it waits for a collector that refuses. `queue_max`: spans that wait for it.
std::unique_ptr<opentelemetry::sdk::trace::SpanExporter> make_span_exporter(exporter e, std::size_t queue_max);

} // namespace portcullis::tracing
