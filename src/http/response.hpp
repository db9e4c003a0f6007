#pragma once

#include "core/error.hpp"
#include "core/model.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

inline constexpr std::string_view media_type_json = "application/json";
inline constexpr std::string_view media_type_problem = "application/problem+json";
inline constexpr std::string_view media_type_event_stream = "text/event-stream";

/// Responses are appended to the connection's write buffer, in the type that CAF's brokers use.
using byte_buffer = std::vector<char>;

void append(byte_buffer& out, std::string_view text);

inline constexpr std::string_view no_store = "no-store";

/// What every response needs to know of its request and connection.
struct response_context {
  std::string_view request_id;
  std::string_view date; // IMF-fixdate, kept by the caller, renewed once a second
  bool keep_alive = true;
  bool is_head = false; // the headers of the GET, no body
  bool is_http_1_0 = false;
  std::string_view cache_control = no_store;
  /// Whole fields before Cache-Control, for caches that heed what comes first.
  std::string_view lifetime_fields = {};
};

struct extra_header {
  std::string_view name;
  std::string_view value; // checked by the caller to hold no CR, LF or NUL
};

/// A whole response with a body. `content_type` empty: no body and no Content-Type, `Content-Length: 0`
/// (left out for 204 and 304).
void append_response(byte_buffer& out, const response_context& ctx, int status, std::string_view content_type,
                     std::string_view body, const std::vector<extra_header>& extra = {});

/// The problem document of `what`, with `Retry-After` and `WWW-Authenticate` as its code asks for, and `Allow`
/// when `allow` is not empty. The challenge of a 401 is `Bearer realm="portcullis"`, with `error="invalid_token"`
/// when there was a token (RFC 6750, section 3); of a caller that is unknown, `Basic`.
void append_problem(byte_buffer& out, const response_context& ctx, const failure& what,
                    std::string_view allow = {}, const std::vector<extra_header>& extra = {});

/// Status line and header fields as they begin every response, without the ones about the body and without the
/// empty line: Cache-Control, Date, X-Request-Id, and Connection where HTTP's default is not what is meant.
void append_head(byte_buffer& out, const response_context& ctx, int status);

/// The hot answers, formatted without a single allocation beyond the buffer's growth.
/// `append_resolved`: 200 with `{"session_id","account_id","is_guest","created_at","expires_at"}`.
/// `append_verified`: 200 with no body and X-User-ID, X-Session-ID, X-Account-Guest.
void append_resolved(byte_buffer& out, const response_context& ctx, const session_record& record);
void append_verified(byte_buffer& out, const response_context& ctx, const session_record& record);

inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view reason_phrase(int status) noexcept;

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
std::string to_http_date(timestamp t);

} // namespace portcullis::http
