#include "core/environment.hpp"
#include "telemetry/collector_refusals.hpp"
#include "telemetry/export_complaints.hpp"
#include "telemetry/log.hpp"
#include "telemetry/log_export.hpp"
#include "telemetry/metrics_export.hpp"
#include "telemetry/otel_environment.hpp"
#include "telemetry/span_export.hpp"
#include "telemetry/tracing.hpp"

#include <opentelemetry/sdk/common/global_log_handler.h>
#include <string>
#include <string_view>
#include <utility>

/// The units `*_otel.cpp` alone see the SDK: its headers take seconds to compile.
namespace portcullis::tracing {

namespace {

namespace nostd = opentelemetry::nostd;
namespace sdk = opentelemetry::sdk;

/// Of the SDK, which alone tells what a collector has answered to its exporters.
class complaints final : public sdk::common::internal_log::LogHandler {
public:
  void Handle(sdk::common::internal_log::LogLevel, const char*, int, const char* message,
              const sdk::common::AttributeMap&) noexcept override {
    const std::string_view detail = message != nullptr ? message : "";
    if (const auto refused = parse_refusal(detail))
      refusals_of_the_collector().note(*refused);
    complain(detail);
  }
};

} // namespace

bool is_available() noexcept {
  return true;
}

failure start(options o) {
  stop();
  if (o.traces == exporter::none && o.metrics == exporter::none && o.logs == exporter::none)
    return {};
  const otel_environment env = read_otel_environment(environment_variable);
  for (const std::string& name : env.unusable)
    log::warn("unusable variable", {{"name", name}});
  if (env.is_disabled) {
    log::info("telemetry is not exported: OTEL_SDK_DISABLED");
    return {};
  }
  refusals_of_the_collector().begin();
  sdk::common::internal_log::GlobalLogHandler::SetLogHandler(
    nostd::shared_ptr<sdk::common::internal_log::LogHandler>{new complaints});
  if (o.traces != exporter::none)
    start_span_export(o, env);
  if (o.logs != exporter::none)
    start_log_export(o, env);
  if (o.metrics != exporter::none && o.collect)
    start_metrics_export(std::move(o), env);
  return {};
}

void stop() {
  refusals_of_the_collector().end();
  stop_span_export();
  stop_log_export();
  stop_metrics_export();
}

} // namespace portcullis::tracing
