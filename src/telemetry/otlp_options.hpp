#pragma once

#include "telemetry/tracing.hpp"

#include <algorithm>
#include <chrono>

namespace portcullis::tracing {

/// The options of any of the SDK's OTLP exporters, which read the standard OTEL_EXPORTER_OTLP_* variables
/// themselves.
template <class Options>
Options bounded_otlp_options() {
  Options o;
  o.timeout = std::min<std::chrono::system_clock::duration>(o.timeout, export_timeout);
  o.retry_policy_max_attempts = 1; // `retry_policy` sends again, which `stop` can interrupt
  return o;
}

/// For one of the SDK's own exporters: Debian's libraries are built without compression, and would complain of
/// each request that asks for it.
template <class Options>
Options sdk_otlp_options() {
  auto o = bounded_otlp_options<Options>();
  o.compression = "none";
  return o;
}

} // namespace portcullis::tracing
