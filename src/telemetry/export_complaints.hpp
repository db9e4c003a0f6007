#pragma once

#include <string_view>

namespace portcullis::tracing {

/// The event of a line that tells of trouble with the export.
inline constexpr std::string_view export_complaint = "telemetry export";

/// Writes such a line, as often as complaint_limits.hpp lets it: the SDK complains of every span that it drops.
/// The next one tells how many were left out. Thread-safe.
void complain(std::string_view detail) noexcept;

} // namespace portcullis::tracing
