#pragma once

#include "net/curl_handles.hpp"
#include "telemetry/collector_refusals.hpp"
#include "telemetry/otlp_settings.hpp"

#include <cstddef>
#include <string>
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
  void complain_of_rejected() const;
  static std::size_t keep(const char* bytes, std::size_t size, std::size_t count, void* self) noexcept;

  const otlp_settings to_;
  collector_refusals& refusals_;
  std::string answer_; // the front of its body
  net::curl_list fields_;
  net::curl_easy easy_;
};

} // namespace portcullis::tracing
