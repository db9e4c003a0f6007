#pragma once

#include "telemetry/tracing.hpp"

#include <cstddef>
#include <memory>
#include <opentelemetry/sdk/metrics/push_metric_exporter.h>
#include <opentelemetry/sdk/trace/exporter.h>

/// The SDK's exporters of spans and metrics, as they are used here; those of the log are in log_export_otel.cpp.
namespace portcullis::tracing {

/// By OTLP, it waits for a collector that refuses. `queue_max`: spans that wait for it.
std::unique_ptr<opentelemetry::sdk::trace::SpanExporter> make_span_exporter(exporter e, std::size_t queue_max);

/// By OTLP, it leaves a collector alone that refuses; the numbers of the next interval hold those of this one.
std::unique_ptr<opentelemetry::sdk::metrics::PushMetricExporter> make_metric_exporter(exporter e);

} // namespace portcullis::tracing
