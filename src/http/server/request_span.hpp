#pragma once

#include "http/request.hpp"
#include "http/server/connection.hpp"

namespace portcullis::http {

/// The server span of a request, by OpenTelemetry's conventions for HTTP: named by method and route, never by a
/// path, which may hold ids. Nothing while nothing is recorded.
tracing::span start_span_of(const request& r, const exchange& x);

/// What is known once it is answered.
void finish_span_of(exchange& x);

} // namespace portcullis::http
