#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The variables `OTEL_EXPORTER_OTLP_*`. The SDK reads them as well, but takes a time-out without a unit for
/// seconds, joins a base that ends in a slash to `//v1/traces`, sends names of header fields with the blanks
/// around them, drops what an address says of a user, and says nothing of values that it cannot use.
namespace portcullis::tracing {

/// Pairs `key=value,…`, of which blanks around keys and values are no part, percent-decoded (W3C Baggage, as
/// OpenTelemetry has it). Nothing if one is no pair, has no key, or is not encoded as it should be.
using text_pairs = std::vector<std::pair<std::string, std::string>>;
std::optional<text_pairs> parse_pairs(std::string_view text);

/// How one signal goes to its collector.
struct otlp_settings {
  std::string url;
  std::string credentials; // `user:password` of the address, or empty
  text_pairs headers;
  std::chrono::milliseconds timeout{10'000};
  bool is_json = false;
  bool is_gzip = false;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

/// `signal`: `TRACES`, `METRICS` or `LOGS`. What cannot be used is named in `unusable`, once.
otlp_settings read_otlp_settings(std::string_view signal, const std::function<std::string_view(const char*)>& get,
                                 std::vector<std::string>& unusable);

} // namespace portcullis::tracing
