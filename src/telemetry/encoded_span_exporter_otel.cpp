#include "telemetry/encoded_span_exporter.hpp"

#include "telemetry/span_sender.hpp"

#include <utility>

namespace portcullis::tracing {

namespace {

namespace nostd = opentelemetry::nostd;

/// A larger record is not kept for another span. Rare: one of a batch with hundreds of links.
constexpr std::size_t kept_bytes_max = std::size_t{4} * 1024;

} // namespace

encoded_span_exporter::encoded_span_exporter(std::unique_ptr<span_sender> sender, std::size_t spare_max,
                                             collector_refusals& refusals)
  : sender_{std::move(sender)}, spare_max_{spare_max}, retries_{refusals} {}

encoded_span_exporter::~encoded_span_exporter() = default;

encoded_span_exporter::record encoded_span_exporter::MakeRecordable() noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (!spare_.empty()) {
      record used = std::move(spare_.back());
      spare_.pop_back();
      return used;
    }
  }
  return std::make_unique<encoded_span>();
}

encoded_span_exporter::result encoded_span_exporter::Export(const nostd::span<record>& batch) noexcept {
  if (batch.empty())
    return result::kSuccess;
  const auto& first = static_cast<const encoded_span&>(*batch[0]);
  span_request request{*first.resource(), *first.scope(), batch.size()};
  for (const record& each : batch)
    request.add(static_cast<const encoded_span&>(*each));
  keep(batch);
  const wire_buffer body = request.finish();
  const bool is_taken = retries_.send([&] { return sender_->send(body.view()); });
  return is_taken ? result::kSuccess : result::kFailure;
}

void encoded_span_exporter::keep(const nostd::span<record>& batch) {
  const std::lock_guard lock{mutex_};
  for (record& each : batch) {
    if (spare_.size() == spare_max_)
      return;
    if (static_cast<const encoded_span&>(*each).capacity() > kept_bytes_max)
      continue;
    std::unique_ptr<encoded_span> used{static_cast<encoded_span*>(each.release())};
    used->clear();
    spare_.push_back(std::move(used));
  }
}

bool encoded_span_exporter::ForceFlush(std::chrono::microseconds) noexcept {
  return true; // nothing waits here
}

bool encoded_span_exporter::Shutdown(std::chrono::microseconds) noexcept {
  return true;
}

} // namespace portcullis::tracing
