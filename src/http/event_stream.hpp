#pragma once

#include "core/model.hpp"
#include "http/response.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

/// The revocation feed on the wire: `text/event-stream` (HTML standard, section 9.2) and its JSON form.
namespace portcullis::http {

/// The head of the response (no Content-Length; `Connection: close` framing for HTTP/1.0, chunked for 1.1 is not
/// used: the stream ends with the connection), `retry: 1000` and an id-only block with `position`.
void append_stream_head(byte_buffer& out, const response_context& ctx, cursor position);

void append_event(byte_buffer& out, const revocation_event& event, std::uint64_t epoch);
void append_reset(byte_buffer& out, std::string_view reason, cursor position);
void append_heartbeat(byte_buffer& out);

/// `{"events":[…],"cursor","reset"}`; each event carries its `type`, and what `data` has in the stream.
std::string render_event_page(const std::vector<revocation_event>& events, cursor position, bool reset);

} // namespace portcullis::http
