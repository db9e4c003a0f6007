#pragma once

#include "net/curl_handles.hpp"
#include "telemetry/collector_refusals.hpp"

#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <string>
#include <string_view>

namespace portcullis::tracing {

/// Sends requests with spans to a collector, by OTLP over HTTP as `http/protobuf`: one after the other on one
/// connection, each within the options' time-out. One thread at a time uses it.
class span_sender {
public:
  using options = opentelemetry::exporter::otlp::OtlpHttpExporterOptions;

  /// Of the options: the address, header fields, time-out, compression, and the files for TLS.
  span_sender(const options& o, collector_refusals& refusals);

  /// True when the collector has taken it. Notes when it refuses, and complains of whatever is not right.
  bool send(std::string_view body);

private:
  bool set_options();
  bool set_fields();
  bool is_gzip() const noexcept;
  bool check_answer();

  const options options_;
  collector_refusals& refusals_;
  net::curl_list fields_;
  net::curl_easy easy_;
};

} // namespace portcullis::tracing
