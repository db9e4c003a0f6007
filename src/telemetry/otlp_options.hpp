#pragma once

#include "core/ascii.hpp"
#include "telemetry/otlp_settings.hpp"
#include "telemetry/sdk_view.hpp"
#include "telemetry/tracing.hpp"

#include <algorithm>
#include <opentelemetry/exporters/otlp/otlp_http.h>
#include <opentelemetry/sdk/common/base64.h>
#include <string>

namespace portcullis::tracing {

/// The header fields of each request: those of the settings, and who is told by the address.
inline text_pairs request_headers(const otlp_settings& from) {
  text_pairs fields = from.headers;
  const bool is_told = std::any_of(fields.begin(), fields.end(),
                                   [](const auto& field) { return ascii::iequals(field.first, "authorization"); });
  if (!from.credentials.empty() && !is_told)
    fields.emplace_back("Authorization",
                        "Basic " + opentelemetry::sdk::common::Base64Escape(view(from.credentials)));
  return fields;
}

/// Of a request; the stop waits for as long.
inline std::chrono::milliseconds request_timeout(const otlp_settings& from) {
  return std::min(from.timeout, export_timeout);
}

/// For one of the SDK's own exporters, in the place of what it reads itself.
template <class Options>
Options sdk_otlp_options(const otlp_settings& from) {
  Options o;
  o.url = from.url;
  o.content_type = from.is_json ? opentelemetry::exporter::otlp::HttpRequestContentType::kJson
                                : opentelemetry::exporter::otlp::HttpRequestContentType::kBinary;
  o.http_headers.clear();
  for (const auto& [name, value] : request_headers(from)) {
    std::string encoded; // it decodes them once more
    for (const char c : value)
      c == '%' ? encoded.append("%25") : encoded.append(1, c);
    o.http_headers.emplace(name, encoded);
  }
  o.timeout = request_timeout(from);
  o.ssl_ca_cert_path = from.ca_file;
  o.ssl_client_cert_path = from.certificate_file;
  o.ssl_client_key_path = from.key_file;
  o.retry_policy_max_attempts = 1; // `retry_policy` sends again, which `stop` can interrupt
  o.compression = "none"; // Debian's libraries have none, and would complain of each request that asks for it
  return o;
}

} // namespace portcullis::tracing
