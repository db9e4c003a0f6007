#include "feed/event_stream.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::feed;

namespace {

constexpr std::uint64_t epoch = 0xABCDEF;

revocation_event event(revocation_kind kind) {
  revocation_event e;
  e.seq = 42;
  e.kind = kind;
  if (kind == revocation_kind::session)
    e.session_id = *uuid::parse("0190b8a0-0000-7000-8000-000000000001");
  e.account_id = *uuid::parse("0190b8a0-0000-7000-8000-000000000002");
  e.generation = 7;
  e.reason = "logout";
  e.actor = "user";
  e.occurred_at = *parse_rfc3339("2026-01-02T03:04:05.678901Z");
  return e;
}

template <class Append>
std::string text_of(Append append_to) {
  portcullis::http::byte_buffer out;
  append_to(out);
  return {out.begin(), out.end()};
}

constexpr const char* stream_head = "HTTP/1.1 200 OK\r\n"
                                    "Cache-Control: no-store, no-transform\r\n"
                                    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                    "X-Request-Id: r-1\r\n"
                                    "Connection: close\r\n"
                                    "Content-Type: text/event-stream\r\n"
                                    "X-Accel-Buffering: no\r\n"
                                    "\r\n";

} // namespace

CAF_TEST(a stream begins with its head and the time to wait and the position) {
  const portcullis::http::response_context ctx{"r-1", "Sun, 06 Nov 1994 08:49:37 GMT"};
  CAF_CHECK_EQUAL(text_of([&](auto& out) {
                    append_stream_head(out, ctx, {epoch, 41});
                  }),
                  std::string{stream_head} + "retry: 1000\n\nid: 0000000000abcdef-41\n\n");
}

CAF_TEST(the answer to HEAD ends with the head) {
  const portcullis::http::response_context ctx{"r-1", "Sun, 06 Nov 1994 08:49:37 GMT", true, true};
  CAF_CHECK_EQUAL(text_of([&](auto& out) { append_stream_head(out, ctx, {epoch, 41}); }), stream_head);
}

CAF_TEST(a revoked session) {
  CAF_CHECK_EQUAL(text_of([](auto& out) { append_event(out, event(revocation_kind::session), epoch); }),
                  "event: session.revoked\n"
                  "id: 0000000000abcdef-42\n"
                  R"(data: {"seq":42,"session_id":"0190b8a0-0000-7000-8000-000000000001",)"
                  R"("account_id":"0190b8a0-0000-7000-8000-000000000002","reason":"logout",)"
                  R"("occurred_at":"2026-01-02T03:04:05.678901Z"})"
                  "\n\n");
}

CAF_TEST(a revoked account) {
  CAF_CHECK_EQUAL(text_of([](auto& out) { append_event(out, event(revocation_kind::account), epoch); }),
                  "event: account.revoked\n"
                  "id: 0000000000abcdef-42\n"
                  R"(data: {"seq":42,"account_id":"0190b8a0-0000-7000-8000-000000000002","generation":7,)"
                  R"("reason":"logout","occurred_at":"2026-01-02T03:04:05.678901Z"})"
                  "\n\n");
}

CAF_TEST(a reason cannot break out of its line) {
  auto e = event(revocation_kind::session);
  e.reason = "a\n\ndata: b\r\"";
  const auto bytes = text_of([&](auto& out) { append_event(out, e, epoch); });
  CAF_CHECK(bytes.find(R"("reason":"a\n\ndata: b\r\"")") != std::string::npos);
  CAF_CHECK_EQUAL(bytes.find("\n\n"), bytes.size() - 2);
  CAF_CHECK_EQUAL(bytes.find('\r'), std::string::npos);
}

CAF_TEST(a reset tells why and where to carry on) {
  CAF_CHECK_EQUAL(text_of([](auto& out) {
                    append_reset(out, "cursor_too_old", {epoch, 9});
                  }),
                  "event: reset\nid: 0000000000abcdef-9\ndata: {\"reason\":\"cursor_too_old\"}\n\n");
}

CAF_TEST(a heartbeat is a comment) {
  const auto bytes = text_of([](auto& out) { append_heartbeat(out); });
  CAF_CHECK_EQUAL(bytes.front(), ':');
  CAF_CHECK_EQUAL(bytes.find("\n\n"), bytes.size() - 2);
}

CAF_TEST(a page has the events of the stream with their types) {
  CAF_CHECK_EQUAL(
    render_event_page({event(revocation_kind::session), event(revocation_kind::account)}, {epoch, 42}, false,
                      {std::chrono::milliseconds{7}, parse_rfc3339("2026-01-02T03:04:05.678902Z"), {}}),
    R"({"events":[)"
    R"({"type":"session.revoked","seq":42,"session_id":"0190b8a0-0000-7000-8000-000000000001",)"
    R"("account_id":"0190b8a0-0000-7000-8000-000000000002","reason":"logout",)"
    R"("occurred_at":"2026-01-02T03:04:05.678901Z"},)"
    R"({"type":"account.revoked","seq":42,"account_id":"0190b8a0-0000-7000-8000-000000000002","generation":7,)"
    R"("reason":"logout","occurred_at":"2026-01-02T03:04:05.678901Z"}],)"
    R"("cursor":"0000000000abcdef-42","reset":false,"log_age_ms":7,"now":"2026-01-02T03:04:05.678902Z"})");
  CAF_CHECK_EQUAL(render_event_page({}, {epoch, 9}, true, {}),
                  R"({"events":[],"cursor":"0000000000abcdef-9","reset":true,"log_age_ms":null})");
}

CAF_TEST(a page tells the age of an event that has one) {
  auto one = event(revocation_kind::session);
  one.happened = instant{std::chrono::seconds{5}};
  const auto page = render_event_page(
    {one}, {epoch, 42}, false, {{}, {}, instant{std::chrono::seconds{5} + std::chrono::microseconds{1'500}}});
  CAF_CHECK(render_event_page({one}, {epoch, 42}, false, {}).find("age_ms\":2")
            == std::string::npos); // not asked for
  CAF_CHECK(page.find(R"("type":"session.revoked","age_ms":2,"seq":42)") != std::string::npos);
}
