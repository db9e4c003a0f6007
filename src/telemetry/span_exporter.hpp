#pragma once

#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

#include <memory>
#include <opentelemetry/sdk/trace/exporter.h>

namespace portcullis::tracing {

/// By OTLP, it waits for a collector that refuses.
std::unique_ptr<opentelemetry::sdk::trace::SpanExporter> make_span_exporter(exporter e,
                                                                            const otel_environment& env);

} // namespace portcullis::tracing
