#include "telemetry/tracing.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using tracing::exporter;

CAF_TEST(a build without the SDK says so) {
  CAF_CHECK(!tracing::is_available());
  for (const exporter e : {exporter::standard_output, exporter::otlp}) {
    tracing::options traces;
    traces.traces = e;
    CAF_CHECK_EQUAL(tracing::start(traces).detail, "this build has no OpenTelemetry");
    tracing::options metrics;
    metrics.metrics = e;
    CAF_CHECK_EQUAL(tracing::start(metrics).detail, "this build has no OpenTelemetry");
    CAF_CHECK(!tracing::start_span("x", tracing::kind::internal));
  }
}
