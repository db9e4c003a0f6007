#pragma once

#include "telemetry/collector_refusals.hpp"

#include <cstddef>
#include <memory>
#include <opentelemetry/nostd/span.h>
#include <opentelemetry/sdk/common/exporter_utils.h>
#include <utility>
#include <vector>

namespace portcullis::tracing {

/// Sends a batch again that the collector was too busy to take. The SDK's own policy for that is not compiled into
/// Debian's libraries, and its exporters use a batch up. So the batch is kept here as `Kept`, in the exporter's
/// thread that waits, and `Copy` makes what the SDK's exporter uses up.
template <class Exporter, class Recordable, class Kept, void (*Copy)(const Kept&, Recordable&)>
class patient_exporter final : public Exporter {
public:
  using result = opentelemetry::sdk::common::ExportResult;
  using batch = opentelemetry::nostd::span<std::unique_ptr<Recordable>>;

  patient_exporter(std::unique_ptr<Exporter> inner, collector_refusals& refusals)
    : inner_{std::move(inner)}, retries_{refusals} {}

  std::unique_ptr<Recordable> MakeRecordable() noexcept override {
    return std::make_unique<Kept>();
  }

  result Export(const batch& records) noexcept override {
    const bool is_taken = retries_.send([&] { return send(records) == result::kSuccess; });
    return is_taken ? result::kSuccess : result::kFailure;
  }

  bool ForceFlush(std::chrono::microseconds timeout) noexcept override {
    return inner_->ForceFlush(timeout);
  }

  bool Shutdown(std::chrono::microseconds timeout) noexcept override {
    return inner_->Shutdown(timeout);
  }

private:
  result send(const batch& records) {
    std::vector<std::unique_ptr<Recordable>> copies;
    copies.reserve(records.size());
    for (const auto& record : records) {
      copies.push_back(inner_->MakeRecordable());
      Copy(static_cast<const Kept&>(*record), *copies.back());
    }
    return inner_->Export(batch{copies.data(), copies.size()});
  }

  const std::unique_ptr<Exporter> inner_;
  retry_policy retries_;
};

} // namespace portcullis::tracing
