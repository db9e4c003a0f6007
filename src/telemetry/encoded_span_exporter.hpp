#pragma once

#include "telemetry/collector_refusals.hpp"
#include "telemetry/encoded_span.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <opentelemetry/nostd/span.h>
#include <opentelemetry/sdk/common/exporter_utils.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <vector>

namespace portcullis::tracing {

class span_sender;

/// Sends spans that were encoded as they were recorded (encoded_span.hpp), and again what the collector was too
/// busy to take (`retry_policy`).
class encoded_span_exporter final : public opentelemetry::sdk::trace::SpanExporter {
public:
  using record = std::unique_ptr<opentelemetry::sdk::trace::Recordable>;
  using result = opentelemetry::sdk::common::ExportResult;

  /// `spare_max`: as many records are kept to be used again.
  encoded_span_exporter(std::unique_ptr<span_sender> sender, std::size_t spare_max, collector_refusals& refusals);
  ~encoded_span_exporter() override;

  /// May be called from any thread.
  record MakeRecordable() noexcept override;

  result Export(const opentelemetry::nostd::span<record>& batch) noexcept override;
  bool ForceFlush(std::chrono::microseconds timeout) noexcept override;
  bool Shutdown(std::chrono::microseconds timeout) noexcept override;

private:
  void keep(const opentelemetry::nostd::span<record>& batch);

  const std::unique_ptr<span_sender> sender_;
  const std::size_t spare_max_;
  retry_policy retries_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<encoded_span>> spare_;
};

} // namespace portcullis::tracing
