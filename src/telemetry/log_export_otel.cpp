#include "telemetry/log_export.hpp"

#include "core/hex.hpp"
#include "core/utf8.hpp"
#include "telemetry/export_complaints.hpp"
#include "telemetry/kept_record.hpp"
#include "telemetry/log.hpp"
#include "telemetry/otlp_options.hpp"
#include "telemetry/patient_exporter.hpp"
#include "telemetry/resource.hpp"
#include "telemetry/sdk_view.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <opentelemetry/exporters/ostream/log_record_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_log_record_exporter_options.h>
#include <opentelemetry/logs/log_record.h>
#include <opentelemetry/logs/logger.h>
#include <opentelemetry/logs/severity.h>
#include <opentelemetry/sdk/logs/batch_log_record_processor_factory.h>
#include <opentelemetry/sdk/logs/batch_log_record_processor_options.h>
#include <opentelemetry/sdk/logs/exporter.h>
#include <opentelemetry/sdk/logs/logger_provider.h>
#include <opentelemetry/sdk/logs/logger_provider_factory.h>
#include <opentelemetry/sdk/logs/processor.h>
#include <opentelemetry/trace/span_id.h>
#include <opentelemetry/trace/trace_id.h>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace portcullis::tracing {

namespace {

namespace api = opentelemetry::logs;
namespace nostd = opentelemetry::nostd;
namespace otlp = opentelemetry::exporter::otlp;
namespace sdk = opentelemetry::sdk;

struct running {
  std::unique_ptr<sdk::logs::LoggerProvider> provider;
  nostd::shared_ptr<api::Logger> logger;
};

std::shared_ptr<running> current; // by std::atomic_load and the like

api::Severity severity_of(log::level l) noexcept {
  switch (l) {
  case log::level::debug:
    return api::Severity::kDebug;
  case log::level::info:
    return api::Severity::kInfo;
  case log::level::warn:
    return api::Severity::kWarn;
  case log::level::error:
    return api::Severity::kError;
  }
  return api::Severity::kError;
}

/// As long as in a line.
std::string_view cut(std::string_view text) noexcept {
  return cut_utf8(text, log::value_bytes_max);
}

opentelemetry::common::AttributeValue value_of(const log::value& v) {
  return std::visit(
    [](const auto& what) -> opentelemetry::common::AttributeValue {
      if constexpr (std::is_same_v<std::decay_t<decltype(what)>, std::string_view>)
        return view(cut(what));
      else
        return what;
    },
    v);
}

template <std::size_t Size>
std::optional<std::array<std::uint8_t, Size>> bytes_of(const log::value& v) {
  std::array<std::uint8_t, Size> out{};
  const auto* text = std::get_if<std::string_view>(&v);
  if (text == nullptr || !hex::read(*text, out.data(), Size))
    return std::nullopt;
  return out;
}

/// A line that names a trace belongs to it.
bool takes_trace(api::LogRecord& record, const log::field& f) {
  if (f.key == "trace_id")
    if (const auto id = bytes_of<16>(f.value)) {
      record.SetTraceId(opentelemetry::trace::TraceId{*id});
      return true;
    }
  if (f.key == "span_id")
    if (const auto id = bytes_of<8>(f.value)) {
      record.SetSpanId(opentelemetry::trace::SpanId{*id});
      return true;
    }
  return false;
}

void send(log::level l, std::string_view event, const log::field* fields, std::size_t count) noexcept {
  if (event == export_complaint)
    return; // what cannot be sent would never end
  const std::shared_ptr<running> now = std::atomic_load(&current);
  if (now == nullptr)
    return;
  auto record = now->logger->CreateLogRecord();
  if (record == nullptr)
    return;
  record->SetTimestamp(opentelemetry::common::SystemTimestamp{std::chrono::system_clock::now()});
  record->SetSeverity(severity_of(l));
  record->SetBody(view(event));
  for (const log::field* f = fields; f != fields + count; ++f)
    if (!takes_trace(*record, *f))
      record->SetAttribute(view(f->key), value_of(f->value));
  now->logger->EmitLogRecord(std::move(record));
}

std::unique_ptr<sdk::logs::LogRecordExporter> make_exporter(exporter e, const otel_environment& env) {
  using patient =
    patient_exporter<sdk::logs::LogRecordExporter, sdk::logs::Recordable, kept_record, kept_record::copy>;
  if (e != exporter::otlp) { // through copies as well: the SDK's own record keeps views of what is gone by then
    static collector_refusals none;
    return std::make_unique<patient>(opentelemetry::exporter::logs::OStreamLogRecordExporterFactory::Create(),
                                     none);
  }
  return std::make_unique<patient>(otlp::OtlpHttpLogRecordExporterFactory::Create(
                                     sdk_otlp_options<otlp::OtlpHttpLogRecordExporterOptions>(env.logs)),
                                   refusals_of_the_collector());
}

} // namespace

void start_log_export(const options& o, const otel_environment& env) {
  sdk::logs::BatchLogRecordProcessorOptions batch;
  batch.max_queue_size = env.queue_records_max;
  batch.max_export_batch_size = env.queue_records_max; // so that the end sends what waits in one request
  batch.schedule_delay_millis = env.records_delay;
  auto next = std::make_shared<running>();
  next->provider = sdk::logs::LoggerProviderFactory::Create(
    sdk::logs::BatchLogRecordProcessorFactory::Create(make_exporter(o.logs, env), batch), resource_of(o, env));
  next->logger = next->provider->GetLogger("portcullis", "portcullis", o.service_version);
  std::atomic_store(&current, std::move(next));
  log::set_listener(&send);
}

void stop_log_export() {
  log::set_listener(nullptr);
  const std::shared_ptr<running> ending = std::atomic_exchange(&current, std::shared_ptr<running>{});
  if (ending != nullptr)
    ending->provider->Shutdown();
}

} // namespace portcullis::tracing
