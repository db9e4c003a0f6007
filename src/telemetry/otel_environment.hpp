#pragma once

#include "telemetry/otlp_settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

/// OpenTelemetry's own variables.
namespace portcullis::tracing {

/// All that are honoured; docs/operations.md has the same list.
const std::vector<std::string_view>& honoured_variables();

enum class root_sampler : std::uint8_t { always_on, always_off, ratio };

/// Of one span. What is more is left out, and counted.
struct span_limits {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::size_t attributes_max = 128;
  std::size_t value_bytes_max = none; // of an attribute that is text
  std::size_t links_max = none;       // those of a batch are its members
};

struct otel_environment {
  bool is_disabled = false;
  root_sampler sampler = root_sampler::always_on; // of a trace that begins here
  bool follows_parent = true;                     // a trace that does not is sampled as its caller says
  double ratio = 1;                               // of traces, for `ratio`
  span_limits limits;
  std::chrono::milliseconds schedule_delay{1'000};
  std::size_t queue_spans_max = 2'048;
  std::size_t batch_spans_max = 2'048; // so that the end sends what waits in one request
  std::chrono::milliseconds metrics_interval{10'000};
  std::chrono::milliseconds records_delay{1'000}; // of the log
  std::size_t queue_records_max = 2'048;
  text_pairs resource; // attributes of the process
  otlp_settings traces;
  otlp_settings metrics;
  otlp_settings logs;
  /// Variables whose values cannot be used: their defaults are.
  std::vector<std::string> unusable;
};

/// `get` gives a variable's value, or null. An empty value is none.
otel_environment read_otel_environment(const std::function<std::string_view(const char* name)>& get);

} // namespace portcullis::tracing
