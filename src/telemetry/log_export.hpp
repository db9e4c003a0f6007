#pragma once

#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

namespace portcullis::tracing {

/// Sends what is logged to a collector as well, in the background: who logs leaves a record in a bounded queue.
/// When that is full, records are dropped. `o.logs` is not `none`.
void start_log_export(const options& o, const otel_environment& env);

/// Sends what waits, within about two `export_timeout`s. Idempotent.
void stop_log_export();

} // namespace portcullis::tracing
