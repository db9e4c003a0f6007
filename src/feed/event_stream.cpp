#include "feed/event_stream.hpp"

#include <boost/json/serialize.hpp>

#include <array>
#include <charconv>
#include <string>

namespace portcullis::feed {

namespace {

using http::append;
using http::byte_buffer;

std::string_view event_name(revocation_kind kind) noexcept {
  return kind == revocation_kind::session ? "session.revoked" : "account.revoked";
}

void append_number(byte_buffer& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.insert(out.end(), digits.data(), end);
}

void append_id(byte_buffer& out, std::string_view name, const uuid& id) {
  append(out, name);
  auto start = out.size();
  out.resize(start + uuid::text_length);
  id.write(out.data() + start);
  out.push_back('"');
}

/// What `data` holds of an event, from its sequence number on: without a document in between, since every event is
/// encoded once at least.
void append_members(byte_buffer& out, const revocation_event& event) {
  append(out, R"("seq":)");
  append_number(out, event.seq);
  if (event.kind == revocation_kind::session)
    append_id(out, R"(,"session_id":")", event.session_id);
  append_id(out, R"(,"account_id":")", event.account_id);
  if (event.kind == revocation_kind::account) {
    append(out, R"(,"generation":)");
    append_number(out, static_cast<std::uint64_t>(event.generation));
  }
  append(out, R"(,"reason":)");
  append(out, boost::json::serialize(event.reason));
  append(out, R"(,"occurred_at":")");
  append(out, to_rfc3339(event.occurred_at));
  append(out, "\"}");
}

/// The block's lines before its data. JSON text has no line break of its own, so `data` is one line.
void append_block_head(byte_buffer& out, std::string_view event, cursor id) {
  append(out, "event: ");
  append(out, event);
  append(out, "\nid: ");
  append(out, to_string(id));
  append(out, "\ndata: {");
}

/// Rounded up: nothing is told to be younger than it is.
std::int64_t whole_milliseconds(std::chrono::nanoseconds age) noexcept {
  return std::max<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(age).count(), 0);
}

} // namespace

void append_stream_head(byte_buffer& out, const http::response_context& ctx, cursor position) {
  auto closing = ctx;
  closing.keep_alive = false;
  closing.cache_control = "no-store, no-transform"; // compressing proxies would hold it back
  http::append_head(out, closing, 200);
  append(out, "Content-Type: ");
  append(out, http::media_type_event_stream);
  append(out, "\r\nX-Accel-Buffering: no\r\n\r\n");
  if (ctx.is_head)
    return;
  append(out, "retry: 1000\n\nid: ");
  append(out, to_string(position));
  append(out, "\n\n");
}

void append_event(byte_buffer& out, const revocation_event& event, std::uint64_t epoch) {
  append_block_head(out, event_name(event.kind), {epoch, event.seq});
  append_members(out, event);
  append(out, "\n\n");
}

void append_reset(byte_buffer& out, std::string_view reason, cursor position) {
  append_block_head(out, "reset", position);
  append(out, R"("reason":)");
  append(out, boost::json::serialize(reason));
  append(out, "}\n\n");
}

void append_heartbeat(byte_buffer& out) {
  append(out, ": still here\n\n");
}

std::string render_event_page(const std::vector<revocation_event>& events, cursor position, bool reset,
                              const answer_times& times) {
  byte_buffer out;
  append(out, R"({"events":[)");
  for (const auto& event : events) {
    append(out, &event == events.data() ? R"({"type":")" : R"(,{"type":")");
    append(out, event_name(event.kind));
    append(out, R"(",)");
    if (times.at && event.happened != instant::min()) {
      append(out, R"("age_ms":)");
      append_number(out, static_cast<std::uint64_t>(whole_milliseconds(*times.at - event.happened)));
      append(out, ",");
    }
    append_members(out, event);
  }
  append(out, R"(],"cursor":")");
  append(out, to_string(position));
  append(out, reset ? R"(","reset":true,"log_age_ms":)" : R"(","reset":false,"log_age_ms":)");
  if (times.log_age)
    append_number(out, static_cast<std::uint64_t>(whole_milliseconds(*times.log_age)));
  else
    append(out, "null");
  if (times.now)
    append(out, R"(,"now":")" + to_rfc3339(*times.now) + '"');
  append(out, "}");
  return {out.begin(), out.end()};
}

} // namespace portcullis::feed
