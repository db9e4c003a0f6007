#include "telemetry/otel_environment.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace portcullis::tracing {

namespace {

constexpr std::array names = {
  std::string_view{"OTEL_SDK_DISABLED"},
  std::string_view{"OTEL_RESOURCE_ATTRIBUTES"},
  std::string_view{"OTEL_TRACES_SAMPLER"},
  std::string_view{"OTEL_TRACES_SAMPLER_ARG"},
  std::string_view{"OTEL_BSP_SCHEDULE_DELAY"},
  std::string_view{"OTEL_BSP_MAX_QUEUE_SIZE"},
  std::string_view{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE"},
  std::string_view{"OTEL_BLRP_SCHEDULE_DELAY"},
  std::string_view{"OTEL_BLRP_MAX_QUEUE_SIZE"},
  std::string_view{"OTEL_METRIC_EXPORT_INTERVAL"},
  std::string_view{"OTEL_EXPORTER_OTLP_ENDPOINT"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"},
  std::string_view{"OTEL_EXPORTER_OTLP_PROTOCOL"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"},
  std::string_view{"OTEL_EXPORTER_OTLP_HEADERS"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_HEADERS"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_HEADERS"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_HEADERS"},
  std::string_view{"OTEL_EXPORTER_OTLP_TIMEOUT"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT"},
  std::string_view{"OTEL_EXPORTER_OTLP_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE"},
  std::string_view{"OTEL_EXPORTER_OTLP_CLIENT_KEY"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"},
  std::string_view{"OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY"},
  std::string_view{"OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY"},
  std::string_view{"OTEL_EXPORTER_OTLP_COMPRESSION"},
  std::string_view{"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"},
};

constexpr std::int64_t milliseconds_max = 3'600'000; // an hour
constexpr std::int64_t spans_max = 65'536;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

class reader {
public:
  reader(const std::function<std::string_view(const char*)>& get, otel_environment& to) : get_{get}, to_{to} {}

  std::string_view text(const char* name) const {
    return get_(name);
  }

  /// A whole number from 1 to `max`.
  std::optional<std::int64_t> whole(const char* name, std::int64_t max) {
    const auto given = text(name);
    if (given.empty())
      return std::nullopt;
    const auto value = parse_number<std::int64_t>(given);
    if (value && *value >= 1 && *value <= max)
      return value;
    to_.unusable.emplace_back(name);
    return std::nullopt;
  }

  void sampler() {
    constexpr const char* name = "OTEL_TRACES_SAMPLER";
    constexpr std::string_view parent = "parentbased_";
    auto given = text(name);
    if (given.empty())
      return;
    const bool follows = given.substr(0, parent.size()) == parent;
    given.remove_prefix(follows ? parent.size() : 0);
    if (given == "always_on") {
      to_.sampler = root_sampler::always_on;
    } else if (given == "always_off") {
      to_.sampler = root_sampler::always_off;
    } else if (given == "traceidratio") {
      to_.sampler = root_sampler::ratio;
      ratio();
    } else {
      to_.unusable.emplace_back(name);
      return;
    }
    to_.follows_parent = follows;
  }

private:
  void ratio() {
    constexpr const char* name = "OTEL_TRACES_SAMPLER_ARG";
    const auto given = text(name);
    if (given.empty())
      return;
    const auto value = parse_number<double>(given);
    if (value && *value >= 0 && *value <= 1)
      to_.ratio = *value;
    else
      to_.unusable.emplace_back(name);
  }

  const std::function<std::string_view(const char*)>& get_;
  otel_environment& to_;
};

} // namespace

const std::vector<std::string_view>& honoured_variables() {
  static const std::vector<std::string_view> all{names.begin(), names.end()};
  return all;
}

otel_environment read_otel_environment(const std::function<std::string_view(const char* name)>& get) {
  otel_environment out;
  reader from{get, out};
  out.is_disabled = ascii::iequals(from.text("OTEL_SDK_DISABLED"), "true");
  from.sampler();
  if (const auto delay = from.whole("OTEL_BSP_SCHEDULE_DELAY", milliseconds_max))
    out.schedule_delay = std::chrono::milliseconds{*delay};
  if (const auto spans = from.whole("OTEL_BSP_MAX_QUEUE_SIZE", spans_max))
    out.queue_spans_max = static_cast<std::size_t>(*spans);
  out.batch_spans_max = out.queue_spans_max;
  if (const auto spans = from.whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", spans_max))
    out.batch_spans_max = std::min(static_cast<std::size_t>(*spans), out.queue_spans_max);
  if (const auto delay = from.whole("OTEL_BLRP_SCHEDULE_DELAY", milliseconds_max))
    out.records_delay = std::chrono::milliseconds{*delay};
  if (const auto records = from.whole("OTEL_BLRP_MAX_QUEUE_SIZE", spans_max))
    out.queue_records_max = static_cast<std::size_t>(*records);
  if (const auto interval = from.whole("OTEL_METRIC_EXPORT_INTERVAL", milliseconds_max))
    out.metrics_interval = std::chrono::milliseconds{*interval};
  return out;
}

} // namespace portcullis::tracing
