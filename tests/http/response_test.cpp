#include "http/response.hpp"

#include "http/problem.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

using namespace portcullis;
using namespace portcullis::http;
namespace beast = boost::beast;

namespace {

constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";

response_context context() {
  return {"r-1", date};
}

session_record record(bool is_guest) {
  session_record r;
  r.session_id = *uuid::parse("0190b8a0-0000-7000-8000-000000000001");
  r.account_id = *uuid::parse("0190b8a0-0000-7000-8000-000000000002");
  r.created_at = *parse_rfc3339("2026-01-02T03:04:05.678901Z");
  r.is_guest = is_guest;
  return r;
}

template <class Append>
std::string text_of(Append append_to) {
  byte_buffer out;
  append_to(out);
  return {out.begin(), out.end()};
}

using parsed = beast::http::response<beast::http::string_body>;

/// Reads a response as a client does; it must end where the bytes end.
parsed parse(const std::string& bytes, bool is_answer_to_head = false) {
  beast::http::response_parser<beast::http::string_body> parser;
  parser.skip(is_answer_to_head);
  parser.eager(true);
  beast::error_code ec;
  const auto taken = parser.put(boost::asio::buffer(bytes), ec);
  CAF_REQUIRE(!ec);
  CAF_REQUIRE_EQUAL(taken, bytes.size());
  CAF_REQUIRE(parser.is_done());
  return parser.release();
}

std::string field_of(const parsed& response, const char* name) {
  return std::string{response[name]};
}

} // namespace

CAF_TEST(a resolved session byte for byte) {
  const auto bytes = text_of([](auto& out) { append_resolved(out, context(), record(false)); });
  CAF_CHECK_EQUAL(bytes, "HTTP/1.1 200 OK\r\n"
                         "Content-Type: application/json\r\n"
                         "Cache-Control: no-store\r\n"
                         "Content-Length: 183\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Request-Id: r-1\r\n"
                         "\r\n"
                         R"({"session_id":"0190b8a0-0000-7000-8000-000000000001",)"
                         R"("account_id":"0190b8a0-0000-7000-8000-000000000002",)"
                         R"("is_guest":false,"created_at":"2026-01-02T03:04:05.678901Z","expires_at":null})");
}

CAF_TEST(a resolved session tells when it expires) {
  for (const bool is_guest : {false, true}) {
    auto aging = record(is_guest);
    aging.expires_at = parse_rfc3339("2026-01-03T03:04:05.678901Z");
    const auto resolved = parse(text_of([&](auto& out) { append_resolved(out, context(), aging); }));
    CAF_CHECK_EQUAL(field_of(resolved, "Content-Length"), std::to_string(resolved.body().size()));
    CAF_CHECK(resolved.body().find(R"(678901Z","expires_at":"2026-01-03T03:04:05.678901Z"})")
              != std::string::npos);
  }
}

CAF_TEST(a verified session byte for byte) {
  const auto bytes = text_of([](auto& out) { append_verified(out, context(), record(true)); });
  CAF_CHECK_EQUAL(bytes, "HTTP/1.1 200 OK\r\n"
                         "Content-Length: 0\r\n"
                         "Cache-Control: no-store\r\n"
                         "X-User-ID: 0190b8a0-0000-7000-8000-000000000002\r\n"
                         "X-Session-ID: 0190b8a0-0000-7000-8000-000000000001\r\n"
                         "X-Account-Guest: true\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Request-Id: r-1\r\n"
                         "\r\n");
}

CAF_TEST(a verified session that may be kept byte for byte) {
  auto ctx = context();
  ctx.cache_control = "private, max-age=5";
  ctx.lifetime_fields = "X-Accel-Expires: 5\r\n";
  const auto bytes = text_of([&](auto& out) { append_verified(out, ctx, record(true)); });
  CAF_CHECK_EQUAL(bytes, "HTTP/1.1 200 OK\r\n"
                         "Content-Length: 0\r\n"
                         "X-Accel-Expires: 5\r\n"
                         "Cache-Control: private, max-age=5\r\n"
                         "X-User-ID: 0190b8a0-0000-7000-8000-000000000002\r\n"
                         "X-Session-ID: 0190b8a0-0000-7000-8000-000000000001\r\n"
                         "X-Account-Guest: true\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Request-Id: r-1\r\n"
                         "\r\n");
}

CAF_TEST(hot answers are whole whatever becomes of the connection) {
  for (const bool is_guest : {false, true})
    for (const bool keep_alive : {false, true})
      for (const bool is_http_1_0 : {false, true})
        for (const bool is_head : {false, true}) {
          const response_context ctx{"r-1", date, keep_alive, is_head, is_http_1_0};
          const auto* connection = !keep_alive ? "close" : is_http_1_0 ? "keep-alive" : "";
          const auto resolved =
            parse(text_of([&](auto& out) { append_resolved(out, ctx, record(is_guest)); }), is_head);
          CAF_CHECK_EQUAL(field_of(resolved, "Connection"), connection);
          CAF_CHECK_EQUAL(field_of(resolved, "Content-Length"), is_guest ? "182" : "183");
          CAF_CHECK_EQUAL(resolved.body().size(), is_head ? 0u : is_guest ? 182u : 183u);
          const auto verified =
            parse(text_of([&](auto& out) { append_verified(out, ctx, record(is_guest)); }), is_head);
          CAF_CHECK_EQUAL(field_of(verified, "Connection"), connection);
          CAF_CHECK_EQUAL(field_of(verified, "X-Account-Guest"), is_guest ? "true" : "false");
          CAF_CHECK_EQUAL(verified.body(), "");
        }
}

CAF_TEST(answers follow one another in the buffer) {
  const auto bytes = text_of([](auto& out) {
    append_verified(out, context(), record(false));
    append_response(out, context(), 200, media_type_json, "{}");
    append_resolved(out, context(), record(false));
  });
  const auto apart = text_of([](auto& out) { append_verified(out, context(), record(false)); })
                     + text_of([](auto& out) { append_response(out, context(), 200, media_type_json, "{}"); })
                     + text_of([](auto& out) { append_resolved(out, context(), record(false)); });
  CAF_CHECK_EQUAL(bytes, apart);
}

CAF_TEST(a response with a body byte for byte) {
  const auto bytes = text_of([](auto& out) {
    append_response(out, context(), 201, media_type_json, "{\"a\":1}", {{"Location", "/a"}});
  });
  CAF_CHECK_EQUAL(bytes, "HTTP/1.1 201 Created\r\n"
                         "Cache-Control: no-store\r\n"
                         "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                         "X-Request-Id: r-1\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: 7\r\n"
                         "Location: /a\r\n"
                         "\r\n"
                         "{\"a\":1}");
}

CAF_TEST(a response without a body says so and 204 need not ) {
  const auto empty = parse(text_of([](auto& out) { append_response(out, context(), 200, "", "ignored"); }));
  CAF_CHECK_EQUAL(field_of(empty, "Content-Length"), "0");
  CAF_CHECK_EQUAL(field_of(empty, "Content-Type"), "");
  const auto unchanged = parse(text_of([](auto& out) { append_response(out, context(), 304, "", ""); }));
  CAF_CHECK_EQUAL(unchanged.count("Content-Length"), 0u);
  const auto none = parse(text_of([](auto& out) { append_response(out, context(), 204, "", ""); }));
  CAF_CHECK_EQUAL(none.count("Content-Length"), 0u);
  CAF_CHECK_EQUAL(none.count("Content-Type"), 0u);
}

CAF_TEST(the answer to HEAD has the fields of the GET and no body) {
  auto ctx = context();
  const auto get =
    parse(text_of([&](auto& out) { append_response(out, ctx, 200, media_type_json, "{\"a\":1}"); }));
  ctx.is_head = true;
  const auto head =
    parse(text_of([&](auto& out) { append_response(out, ctx, 200, media_type_json, "{\"a\":1}"); }), true);
  CAF_CHECK_EQUAL(field_of(head, "Content-Length"), field_of(get, "Content-Length"));
  CAF_CHECK_EQUAL(field_of(head, "Content-Type"), field_of(get, "Content-Type"));
  CAF_CHECK_EQUAL(head.body(), "");
}

CAF_TEST(a problem is sent with the fields that its code asks for) {
  for (auto i = 1; i <= static_cast<int>(errc::internal); ++i) {
    const failure what{static_cast<errc>(i), "Because."};
    const auto sent = parse(text_of([&](auto& out) { append_problem(out, context(), what); }));
    CAF_CHECK_EQUAL(static_cast<int>(sent.result_int()), describe(what.code).status);
    CAF_CHECK_EQUAL(std::string{sent.reason()}, reason_phrase(describe(what.code).status));
    CAF_CHECK_NOT_EQUAL(std::string{sent.reason()}, "Unknown");
    CAF_CHECK_EQUAL(field_of(sent, "Content-Type"), "application/problem+json");
    CAF_CHECK_EQUAL(field_of(sent, "Cache-Control"), "no-store");
    CAF_CHECK_EQUAL(field_of(sent, "Retry-After"), sent.result_int() == 503 ? "1" : "");
    CAF_CHECK_EQUAL(sent.count("WWW-Authenticate"), sent.result_int() == 401 ? 1u : 0u);
    CAF_CHECK_EQUAL(sent.count("Allow"), 0u);
    CAF_CHECK_EQUAL(sent.body(), render_problem(what));
  }
}

CAF_TEST(a challenge says whether there was a token) {
  const auto challenge_of = [](errc code) {
    const auto bytes = text_of([&](auto& out) { append_problem(out, context(), {code, "Because."}); });
    return field_of(parse(bytes), "WWW-Authenticate");
  };
  for (const auto code : {errc::token_missing, errc::user_required})
    CAF_CHECK_EQUAL(challenge_of(code), "Bearer realm=\"portcullis\"");
  for (const auto code : {errc::token_malformed, errc::session_unknown, errc::session_revoked})
    CAF_CHECK_EQUAL(challenge_of(code), "Bearer realm=\"portcullis\", error=\"invalid_token\"");
}

CAF_TEST(a wrong method is told the right ones) {
  const failure what{errc::method_not_allowed, "Because."};
  const auto sent = parse(text_of([&](auto& out) { append_problem(out, context(), what, "GET, HEAD"); }));
  CAF_CHECK_EQUAL(field_of(sent, "Allow"), "GET, HEAD");
}

CAF_TEST(dates are those of RFC 9110) {
  const auto date_of = [](std::string_view text) { return to_http_date(*parse_rfc3339(text)); };
  CAF_CHECK_EQUAL(date_of("1994-11-06T08:49:37.999999Z"), date);
  CAF_CHECK_EQUAL(date_of("2024-02-29T00:00:00Z"), "Thu, 29 Feb 2024 00:00:00 GMT");
  CAF_CHECK_EQUAL(date_of("1970-01-01T00:00:00Z"), "Thu, 01 Jan 1970 00:00:00 GMT");
  CAF_CHECK_EQUAL(date_of("2025-12-31T23:59:59Z"), "Wed, 31 Dec 2025 23:59:59 GMT");
}
