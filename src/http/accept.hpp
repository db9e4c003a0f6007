#pragma once

#include "http/request.hpp"

#include <cstdint>
#include <string_view>

/// Proactive content negotiation (RFC 9110, section 12.5.1).
namespace portcullis::http {

/// The weight, 0 to 1, that the Accept lines give to `media_type` (lower case, without parameters). Of the ranges
/// that match, the most specific one counts: the type itself before `type/*` before `*/*`. A range with parameters
/// other than `charset` asks for a variant of the type and counts after the bare type. Elements that are malformed
/// are passed over. Without any Accept line everything is accepted: 1.
double quality_of(field_lines accept_lines, std::string_view media_type);

/// True if `wanted` is asked for by its name, with a weight that is neither 0 nor lower than that of `other`.
bool prefers_by_name(field_lines accept_lines, std::string_view wanted, std::string_view other);

/// True if `text/event-stream` is asked for by its name, with a weight that is neither 0 nor lower than that of
/// `application/json`. A wildcard alone never turns an answer into a stream that does not end.
bool prefers_event_stream(const request& r);
bool prefers_event_stream(field_lines accept_lines);

enum class content_coding : std::uint8_t { identity, gzip, brotli };

/// The name of a coding, as Content-Encoding has it.
std::string_view to_string(content_coding c) noexcept;

/// Of the forms that there are, the one that the Accept-Encoding lines give the highest weight, by its name or by
/// `*`; of equals brotli before gzip. `identity` when none has a weight above 0, or `identity` itself is given a
/// higher one by its name, or there is no line.
content_coding choose_coding(field_lines accept_encoding_lines, bool has_gzip, bool has_brotli);

} // namespace portcullis::http
