#pragma once

#include "net/curl_handles.hpp"
#include "telemetry/collector_refusals.hpp"
#include "telemetry/otlp_settings.hpp"

#include <string_view>

namespace portcullis::tracing {

/// Sends requests with spans to a collector, by OTLP over HTTP as `http/protobuf`: one after the other on one
/// connection, each within its time-out. One thread at a time uses it.
class span_sender {
public:
  span_sender(const otlp_settings& to, collector_refusals& refusals);

  /// True when the collector has taken it. Notes when it refuses, and complains of whatever is not right.
  bool send(std::string_view body);

private:
  bool set_options();
  bool set_fields();
  bool check_answer();

  const otlp_settings to_;
  collector_refusals& refusals_;
  net::curl_list fields_;
  net::curl_easy easy_;
};

} // namespace portcullis::tracing
