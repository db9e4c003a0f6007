#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The list of every number that the service and the edge tell. The code names each as `/metrics` shows it.
namespace portcullis::metrics {

/// `up_down` is a sum that can fall; Prometheus knows it as a gauge.
enum class kind : std::uint8_t { counter, up_down, gauge, histogram };

/// The word for it on /metrics, and in the documentation's table.
std::string_view type_of(kind k) noexcept;

struct instrument {
  std::string_view name;     // on /metrics
  std::string_view standard; // OpenTelemetry's own name where its conventions have one
  metrics::kind kind;
  std::string_view unit; // as UCUM writes it: `s`, `By`, `{session}`
  std::string_view help;
  std::string_view instead; // of an old name: what to use; it goes with the next release
};

const std::vector<instrument>& instruments();

/// Null for a name that is not in the list.
const instrument* find_instrument(std::string_view name) noexcept;

/// What it is called over OTLP: its standard name, or its own without the endings that tell Prometheus its kind
/// and unit: `portcullis_log_lines_dropped_total` is `portcullis.log_lines_dropped`.
std::string otlp_name(const instrument& what);

/// With the sign of an old name in front.
std::string help_of(const instrument& what);

/// The rows of docs/metrics.md.
std::string instruments_markdown();

} // namespace portcullis::metrics
