#include "telemetry/export_complaints.hpp"

#include "telemetry/complaint_limits.hpp"
#include "telemetry/log.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace portcullis::tracing {

namespace {

std::mutex mutex;
complaint_limits limits;
std::uint64_t suppressed = 0;

/// How many were left out before this one, if it is to be told.
std::optional<std::uint64_t> take_turn(std::string_view detail) noexcept {
  const std::lock_guard lock{mutex};
  if (limits.may_tell(detail, complaint_limits::clock::now()))
    return std::exchange(suppressed, 0);
  ++suppressed;
  return std::nullopt;
}

} // namespace

void complain(std::string_view detail) noexcept {
  if (const auto left_out = take_turn(detail))
    log::warn(export_complaint, {{"detail", detail}, {"suppressed", *left_out}});
}

} // namespace portcullis::tracing
