#pragma once

#include "telemetry/metrics.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What Prometheus reads: its text format, version 0.0.4, and OpenMetrics 1.0.0.
namespace portcullis::metrics {

enum class exposition : std::uint8_t { prometheus, open_metrics };

/// The Content-Type.
std::string_view content_type(exposition form) noexcept;

/// OpenMetrics ends in `# EOF`, tells units, and shows exemplars. A name of a counter ends in `_total` in both;
/// one that would clash without it with another name is of unknown kind in OpenMetrics.
std::string render(const snapshot& s, exposition form = exposition::prometheus);

} // namespace portcullis::metrics
