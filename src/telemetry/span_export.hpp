#pragma once

#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

namespace portcullis::tracing {

/// From here on spans are recorded. When the queue of those that have ended is full, further ones are dropped.
/// `o.traces` is not `none`.
void start_span_export(const options& o, const otel_environment& env);

/// Sends what waits, within about two `export_timeout`s. Idempotent.
void stop_span_export();

} // namespace portcullis::tracing
