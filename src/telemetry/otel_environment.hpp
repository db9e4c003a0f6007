#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// OpenTelemetry's own variables, as far as the SDK does not read them itself.
namespace portcullis::tracing {

/// All that are honoured, by us or by the SDK's exporters and resource; docs/operations.md has the same list.
const std::vector<std::string_view>& honoured_variables();

enum class root_sampler : std::uint8_t { always_on, always_off, ratio };

struct otel_environment {
  bool is_disabled = false;
  root_sampler sampler = root_sampler::always_on; // of a trace that begins here
  bool follows_parent = true;                     // a trace that does not is sampled as its caller says
  double ratio = 1;                               // of traces, for `ratio`
  std::chrono::milliseconds schedule_delay{1'000};
  std::size_t queue_spans_max = 2'048;
  std::size_t batch_spans_max = 2'048; // so that the end sends what waits in one request
  std::chrono::milliseconds metrics_interval{10'000};
  std::chrono::milliseconds records_delay{1'000}; // of the log
  std::size_t queue_records_max = 2'048;
  /// Variables whose values cannot be used: their defaults are.
  std::vector<std::string> unusable;
};

/// `get` gives a variable's value, or null. An empty value is none.
otel_environment read_otel_environment(const std::function<std::string_view(const char* name)>& get);

} // namespace portcullis::tracing
