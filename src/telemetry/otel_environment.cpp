#include "telemetry/otel_environment.hpp"

#include "core/ascii.hpp"
#include "core/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace portcullis::tracing {

namespace {

constexpr std::array names = {
  std::string_view{"OTEL_SDK_DISABLED"},
  std::string_view{"OTEL_RESOURCE_ATTRIBUTES"},
  std::string_view{"OTEL_TRACES_SAMPLER"},
  std::string_view{"OTEL_TRACES_SAMPLER_ARG"},
  std::string_view{"OTEL_ATTRIBUTE_COUNT_LIMIT"},
  std::string_view{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"},
  std::string_view{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"},
  std::string_view{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"},
  std::string_view{"OTEL_SPAN_LINK_COUNT_LIMIT"},
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
constexpr std::int64_t limit_max = std::numeric_limits<std::int32_t>::max();

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
    return ascii::trim(get_(name), ascii::white_space);
  }

  /// A whole number from `min` to `max`.
  std::optional<std::int64_t> whole(const char* name, std::int64_t max, std::int64_t min = 1) {
    const auto given = text(name);
    if (given.empty())
      return std::nullopt;
    const auto value = parse_number<std::int64_t>(given);
    if (value && *value >= min && *value <= max)
      return value;
    to_.unusable.emplace_back(name);
    return std::nullopt;
  }

  /// Of the variable for spans, or else of the one for all signals.
  void limit(const char* all, const char* own, std::size_t& value) {
    auto given = whole(all, limit_max, 0);
    if (const auto of_spans = whole(own, limit_max, 0))
      given = of_spans;
    if (given)
      value = static_cast<std::size_t>(*given);
  }

  /// True or false, in any case; false where it is neither.
  bool flag(const char* name) {
    const auto given = text(name);
    const bool is_true = ascii::iequals(given, "true");
    if (!given.empty() && !is_true && !ascii::iequals(given, "false"))
      to_.unusable.emplace_back(name);
    return is_true;
  }

  /// As a whole, or not at all.
  text_pairs pairs(const char* name) {
    auto read = parse_pairs(text(name));
    const auto is_text = [](const auto& pair) { return is_valid_utf8(pair.first) && is_valid_utf8(pair.second); };
    if (read && std::all_of(read->begin(), read->end(), is_text))
      return std::move(*read);
    to_.unusable.emplace_back(name);
    return {};
  }

  otlp_settings signal(std::string_view name) {
    return read_otlp_settings(name, get_, to_.unusable);
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
  out.is_disabled = from.flag("OTEL_SDK_DISABLED");
  out.resource = from.pairs("OTEL_RESOURCE_ATTRIBUTES");
  from.sampler();
  auto& limits = out.limits;
  from.limit("OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", limits.attributes_max);
  from.limit("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
             limits.value_bytes_max);
  if (const auto links = from.whole("OTEL_SPAN_LINK_COUNT_LIMIT", limit_max, 0))
    limits.links_max = static_cast<std::size_t>(*links);
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
  out.traces = from.signal("TRACES");
  out.metrics = from.signal("METRICS");
  out.logs = from.signal("LOGS");
  return out;
}

} // namespace portcullis::tracing
