#include "http/server/request_span.hpp"

#include "http/server/request_numbers.hpp"
#include "telemetry/root_sampling.hpp"

#include <string>

namespace portcullis::http {

namespace {

tracing::span start(std::string_view name, const tracing::context& parent) {
  return parent.is_valid() ? tracing::start_span(name, tracing::kind::server, parent)
                           : tracing::start_sampled_root(name, tracing::kind::server);
}

/// Named by method and route; HEAD shares the route of GET.
tracing::span start(const exchange& x, const tracing::context& parent) {
  if (x.to == nullptr)
    return start(method_name(x.method), parent);
  if (x.to->method == x.method)
    return start(x.to->method_and_pattern, parent);
  return start(std::string{method_name(x.method)}.append(" ").append(x.to->pattern), parent);
}

} // namespace

tracing::span start_span_of(const request& r, const exchange& x) {
  if (!tracing::is_on())
    return {};
  const auto parent = tracing::parse_context(r.get(field::traceparent), r.get(field::tracestate));
  if (!parent.is_valid() && !tracing::samples_root())
    return {};
  auto span = start(x, parent);
  span.set("http.request.method", method_name(x.method));
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
