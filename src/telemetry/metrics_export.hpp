#pragma once

#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

namespace portcullis::tracing {

/// Sends what `o.collect` gives to a collector, again and again. `o.metrics` is not `none`, `o.collect` not empty.
void start_metrics_export(options o, const otel_environment& env);

/// Sends a last time, within about two `export_timeout`s. Idempotent.
void stop_metrics_export();

} // namespace portcullis::tracing
