#pragma once

#include "core/model.hpp"
#include "http/response.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The revocation feed on the wire: `text/event-stream` (HTML standard, section 9.2) and its JSON form.
namespace portcullis::feed {

/// The head of the response, `retry: 1000` and an id-only block with `position`. There is no Content-Length and no
/// chunked coding: the stream ends with the connection (RFC 9112, section 6.3, rule 8), so the head always says
/// `Connection: close`. Gateways take that as they take chunks, and an event costs no framing.
void append_stream_head(http::byte_buffer& out, const http::response_context& ctx, cursor position);

/// `event:`, `id:` (the event's own cursor) and `data:` on one line.
void append_event(http::byte_buffer& out, const revocation_event& event, std::uint64_t epoch);

/// Tells the subscriber to drop what it cached and to carry on from `position`.
void append_reset(http::byte_buffer& out, std::string_view reason, cursor position);

/// A comment line, which clients skip and proxies count as traffic.
void append_heartbeat(http::byte_buffer& out);

/// What is told of the moment of an answer.
struct answer_times {
  /// How long before it the last complete read of the log began; nothing before the first.
  std::optional<std::chrono::nanoseconds> log_age;
  std::optional<timestamp> now; // by the database's clock, for who asks for it and when it is known
  std::optional<instant> at;    // the moment itself, for who asks how old the events are
};

/// `{"events":[…],"cursor","reset","log_age_ms","now"?}`; each event carries its `type`, what `data` has in the
/// stream, and with `age_ms` how long before the answer it happened, where both are known. An age of the log that
/// is not known is null.
std::string render_event_page(const std::vector<revocation_event>& events, cursor position, bool reset,
                              const answer_times& times);

} // namespace portcullis::feed
