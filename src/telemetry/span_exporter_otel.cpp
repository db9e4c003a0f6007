#include "telemetry/span_exporter.hpp"

#include "telemetry/encoded_span_exporter.hpp"
#include "telemetry/otlp_options.hpp"
#include "telemetry/patient_exporter.hpp"
#include "telemetry/span_sender.hpp"

#include <opentelemetry/exporters/ostream/span_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <opentelemetry/sdk/trace/span_data.h>
#include <string>
#include <type_traits>

namespace portcullis::tracing {

namespace {

namespace otlp = opentelemetry::exporter::otlp;
namespace sdk = opentelemetry::sdk;

/// The SDK's record of a span once more, for an exporter that uses it up. Spans of ours have no events, their
/// links no attributes, and attributes are no lists (`span` in tracing.hpp).
void copy_span(const sdk::trace::SpanData& from, sdk::trace::Recordable& to) {
  to.SetIdentity(from.GetSpanContext(), from.GetParentSpanId());
  to.SetTraceFlags(from.GetFlags());
  to.SetName(from.GetName());
  to.SetSpanKind(from.GetSpanKind());
  to.SetStatus(from.GetStatus(), from.GetDescription());
  to.SetStartTime(from.GetStartTime());
  to.SetDuration(from.GetDuration());
  to.SetResource(from.GetResource());
  to.SetInstrumentationScope(from.GetInstrumentationScope());
  const opentelemetry::common::NoopKeyValueIterable none;
  for (const auto& link : from.GetLinks())
    to.AddLink(link.GetSpanContext(), none);
  for (const auto& [key, value] : from.GetAttributes())
    opentelemetry::nostd::visit(
      [&to, &key = key](const auto& what) {
        using type = std::decay_t<decltype(what)>;
        if constexpr (std::is_arithmetic_v<type>)
          to.SetAttribute(key, what);
        else if constexpr (std::is_same_v<type, std::string>)
          to.SetAttribute(key, opentelemetry::nostd::string_view{what});
      },
      value);
}

} // namespace

std::unique_ptr<sdk::trace::SpanExporter> make_span_exporter(exporter e, const otel_environment& env) {
  using patient =
    patient_exporter<sdk::trace::SpanExporter, sdk::trace::Recordable, sdk::trace::SpanData, copy_span>;
  if (e != exporter::otlp)
    return opentelemetry::exporter::trace::OStreamSpanExporterFactory::Create();
  auto& refusals = refusals_of_the_collector();
  if (env.traces.is_json)
    return std::make_unique<patient>(
      otlp::OtlpHttpExporterFactory::Create(sdk_otlp_options<otlp::OtlpHttpExporterOptions>(env.traces)),
      refusals);
  return std::make_unique<encoded_span_exporter>(std::make_unique<span_sender>(env.traces, refusals),
                                                 env.queue_spans_max, refusals);
}

} // namespace portcullis::tracing
