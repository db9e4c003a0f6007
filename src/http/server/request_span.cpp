#include "http/server/request_span.hpp"

#include "http/server/request_numbers.hpp"
#include "telemetry/root_sampling.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace portcullis::http {

namespace {

tracing::span start(std::string_view name, const tracing::context& parent) {
  return parent.is_valid() ? tracing::start_span(name, tracing::kind::server, parent)
                           : tracing::start_sampled_root(name, tracing::kind::server);
}

/// Named by method and route; HEAD shares the route of GET.
tracing::span start(const exchange& x, const tracing::context& parent) {
  const auto method = x.method == verb::other ? "HTTP" : method_name(x.method);
  if (x.to == nullptr)
    return start(method, parent);
  if (x.to->method == x.method)
    return start(x.to->method_and_pattern, parent);
  return start(std::string{method}.append(" ").append(x.to->pattern), parent);
}

/// Whether a method that we do not know can be told: it could be anything that a caller has put in the wrong
/// place.
bool is_word(std::string_view method) noexcept {
  constexpr std::size_t length_max = 20;
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; };
  return !method.empty() && method.size() <= length_max && std::all_of(method.begin(), method.end(), is_letter);
}

/// A list may come in several lines (RFC 9110, section 5.3).
std::string tracestate_of(const request& r) {
  std::string all;
  field_lines lines{r.head, "tracestate"};
  for (auto line = lines.next(); line && all.size() <= tracing::tracestate_bytes_max; line = lines.next())
    all.append(all.empty() ? "" : ",").append(*line);
  return all;
}

tracing::context parent_of(const request& r) {
  const auto traceparent = r.get(field::traceparent);
  return r.is_repeated(field::tracestate) ? tracing::parse_context(traceparent, tracestate_of(r))
                                          : tracing::parse_context(traceparent, r.get(field::tracestate));
}

} // namespace

tracing::span start_span_of(const request& r, const exchange& x) {
  if (!tracing::is_on())
    return {};
  const auto parent = parent_of(r);
  if (!parent.is_valid() && !tracing::samples_root())
    return {};
  auto span = start(x, parent);
  span.set("http.request.method", method_name(x.method));
  if (x.method == verb::other && is_word(r.method_text))
    span.set("http.request.method_original", r.method_text);
  span.set("url.scheme", x.is_tls ? "https" : "http");
  span.set("network.protocol.version", x.is_http_1_0 ? "1.0" : "1.1");
  if (x.to != nullptr)
    span.set("http.route", x.to->pattern);
  return span;
}

void finish_span_of(exchange& x) {
  if (!x.span)
    return;
  x.span.set("http.response.status_code", static_cast<std::int64_t>(x.status));
  if (x.status >= 500)
    x.span.set("error.type", std::to_string(x.status));
}

} // namespace portcullis::http
