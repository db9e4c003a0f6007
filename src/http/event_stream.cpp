#include "http/event_stream.hpp"

#include <boost/json.hpp>

namespace portcullis::http {

namespace {

namespace json = boost::json;

std::string_view event_name(revocation_kind kind) noexcept {
  return kind == revocation_kind::session ? "session.revoked" : "account.revoked";
}

/// Adds what `data` holds of an event.
void add_data(json::object& to, const revocation_event& event) {
  to["seq"] = event.seq;
  if (event.kind == revocation_kind::session)
    to["session_id"] = to_string(event.session_id);
  to["account_id"] = to_string(event.account_id);
  if (event.kind == revocation_kind::account)
    to["generation"] = event.generation;
  to["reason"] = event.reason;
  to["occurred_at"] = to_rfc3339(event.occurred_at);
}

/// One block of the stream. JSON text has no line break of its own, so `data` is one line.
void append_block(byte_buffer& out, std::string_view event, cursor id, const json::object& data) {
  append(out, "event: ");
  append(out, event);
  append(out, "\nid: ");
  append(out, to_string(id));
  append(out, "\ndata: ");
  append(out, json::serialize(data));
  append(out, "\n\n");
}

} // namespace

void append_stream_head(byte_buffer& out, const response_context& ctx, cursor position) {
  response_context closing = ctx;
  closing.keep_alive = false;
  append_head(out, closing, 200);
  append(out, "Content-Type: ");
  append(out, media_type_event_stream);
  append(out, "\r\nX-Accel-Buffering: no\r\n\r\n");
  if (ctx.is_head)
    return;
  append(out, "retry: 1000\n\nid: ");
  append(out, to_string(position));
  append(out, "\n\n");
}

void append_event(byte_buffer& out, const revocation_event& event, std::uint64_t epoch) {
  json::object data;
  add_data(data, event);
  append_block(out, event_name(event.kind), {epoch, event.seq}, data);
}

void append_reset(byte_buffer& out, std::string_view reason, cursor position) {
  append_block(out, "reset", position, {{"reason", reason}});
}

void append_heartbeat(byte_buffer& out) {
  append(out, ": still here\n\n");
}

std::string render_event_page(const std::vector<revocation_event>& events, cursor position, bool reset) {
  json::array list;
  list.reserve(events.size());
  for (const auto& event : events) {
    json::object entry{{"type", event_name(event.kind)}};
    add_data(entry, event);
    list.push_back(std::move(entry));
  }
  return json::serialize(
    json::object{{"events", std::move(list)}, {"cursor", to_string(position)}, {"reset", reset}});
}

} // namespace portcullis::http
