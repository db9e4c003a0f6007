#include "telemetry/export_complaints.hpp"

#include "telemetry/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace portcullis::tracing {

namespace {

using steady_clock = std::chrono::steady_clock;

constexpr steady_clock::duration complaint_interval = std::chrono::seconds{1};

std::atomic<steady_clock::rep> next_at{steady_clock::time_point::min().time_since_epoch().count()};
std::atomic<std::uint64_t> suppressed{0};

} // namespace

void complain(std::string_view detail) noexcept {
  const steady_clock::rep now = steady_clock::now().time_since_epoch().count();
  steady_clock::rep next = next_at.load(std::memory_order_relaxed);
  if (now < next
      || !next_at.compare_exchange_strong(next, now + complaint_interval.count(), std::memory_order_relaxed)) {
    suppressed.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  log::warn(export_complaint,
            {{"detail", detail}, {"suppressed", suppressed.exchange(0, std::memory_order_relaxed)}});
}

} // namespace portcullis::tracing
