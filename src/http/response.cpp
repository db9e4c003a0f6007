#include "http/response.hpp"

#include "http/problem.hpp"

#include <array>
#include <cstring>
#include <ctime>

namespace portcullis::http {

namespace {

constexpr std::string_view crlf = "\r\n";

/// The field that says what becomes of the connection, where it is not the version's default.
std::string_view connection_field(const response_context& ctx) noexcept {
  if (!ctx.keep_alive)
    return "Connection: close\r\n";
  return ctx.is_http_1_0 ? "Connection: keep-alive\r\n" : "";
}

std::string_view challenge(errc code) noexcept {
  switch (code) {
  case errc::token_missing:
  case errc::user_required:
    return "Bearer realm=\"portcullis\"";
  case errc::token_malformed:
  case errc::session_unknown:
  case errc::session_revoked:
  case errc::session_expired:
    return "Bearer realm=\"portcullis\", error=\"invalid_token\"";
  case errc::caller_unknown: // RFC 7617; a key may come in other ways as well
    return "Basic realm=\"portcullis\"";
  default:
    return {};
  }
}

void append_field(byte_buffer& out, std::string_view name, std::string_view value) {
  append(out, name);
  append(out, ": ");
  append(out, value);
  append(out, crlf);
}

/// Makes room for a number of bytes that is known beforehand, once, and writes straight into it.
class hot_writer {
public:
  hot_writer(byte_buffer& out, std::size_t size) {
    const auto start = out.size();
    out.resize(start + size);
    at_ = out.data() + start;
  }

  void put(std::string_view text) noexcept {
    if (text.empty()) // its data may be null
      return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  void put(const uuid& id) noexcept {
    id.write(at_);
    at_ += uuid::text_length;
  }

  void put_three_digits(std::size_t number) noexcept {
    for (const std::size_t place : {100U, 10U, 1U})
      *at_++ = static_cast<char>('0' + number / place % 10);
  }

  void put(timestamp t) noexcept {
    write_rfc3339(t, at_);
    at_ += rfc3339_length;
  }

private:
  char* at_;
};

constexpr std::string_view hot_date = "\r\nDate: ";
constexpr std::string_view hot_request_id = "\r\nX-Request-Id: ";

constexpr std::string_view resolved_start = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                            "Cache-Control: no-store\r\nContent-Length: ";
constexpr std::string_view session_id_member = R"({"session_id":")";
constexpr std::string_view account_id_member = R"(","account_id":")";
constexpr std::string_view guest_member = R"(","is_guest":true,"created_at":")";
constexpr std::string_view full_member = R"(","is_guest":false,"created_at":")";
constexpr std::string_view expires_member = R"(","expires_at":")";
constexpr std::string_view resolved_end = R"("})";
constexpr std::string_view resolved_endless = R"(","expires_at":null})";

/// Content-Length of a resolved session, always three digits.
constexpr std::size_t resolved_size(const session_record& record) {
  const auto ids = session_id_member.size() + account_id_member.size() + 2 * uuid::text_length;
  const auto created = (record.is_guest ? guest_member : full_member).size() + rfc3339_length;
  const auto expires =
    record.expires_at ? expires_member.size() + rfc3339_length + resolved_end.size() : resolved_endless.size();
  return ids + created + expires;
}
constexpr std::size_t content_length_digits = 3;

constexpr std::string_view verified =
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: no-store\r\nX-User-ID: ";
constexpr std::string_view verified_start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
constexpr std::string_view cache_control_name = "Cache-Control: ";
constexpr std::string_view user_id_name = "\r\nX-User-ID: ";
constexpr std::string_view verified_session = "\r\nX-Session-ID: ";
constexpr std::string_view verified_guest = "\r\nX-Account-Guest: true";
constexpr std::string_view verified_full = "\r\nX-Account-Guest: false";

} // namespace

void append(byte_buffer& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void append_head(byte_buffer& out, const response_context& ctx, int status) {
  append(out, "HTTP/1.1 ");
  append(out, std::to_string(status));
  append(out, " ");
  append(out, reason_phrase(status));
  append(out, crlf);
  append(out, ctx.lifetime_fields);
  append_field(out, "Cache-Control", ctx.cache_control);
  append_field(out, "Date", ctx.date);
  append_field(out, "X-Request-Id", ctx.request_id);
  append(out, connection_field(ctx));
}

void append_response(byte_buffer& out, const response_context& ctx, int status, std::string_view content_type,
                     std::string_view body, const std::vector<extra_header>& extra) {
  append_head(out, ctx, status);
  if (content_type.empty())
    body = {};
  else
    append_field(out, "Content-Type", content_type);
  if (status != 204 && status != 304) // RFC 9110, section 8.6
    append_field(out, "Content-Length", std::to_string(body.size()));
  for (const auto& [name, value] : extra)
    append_field(out, name, value);
  append(out, crlf);
  if (!ctx.is_head)
    append(out, body);
}

void append_problem(byte_buffer& out, const response_context& ctx, const failure& what, std::string_view allow,
                    const std::vector<extra_header>& more) {
  const auto& looks = describe(what.code);
  const auto retry_after = std::to_string(looks.retry_after_s);
  auto extra = more;
  if (looks.retry_after_s > 0)
    extra.push_back({"Retry-After", retry_after});
  if (const auto wanted = challenge(what.code); !wanted.empty())
    extra.push_back({"WWW-Authenticate", wanted});
  if (!allow.empty())
    extra.push_back({"Allow", allow});
  append_response(out, ctx, looks.status, media_type_problem, render_problem(what), extra);
}

void append_resolved(byte_buffer& out, const response_context& ctx, const session_record& record) {
  const auto size = resolved_size(record);
  const auto connection = connection_field(ctx);
  hot_writer to{out, resolved_start.size() + content_length_digits + hot_date.size() + ctx.date.size()
                       + hot_request_id.size() + ctx.request_id.size() + crlf.size() + connection.size()
                       + crlf.size() + (ctx.is_head ? 0 : size)};
  to.put(resolved_start);
  to.put_three_digits(size);
  to.put(hot_date);
  to.put(ctx.date);
  to.put(hot_request_id);
  to.put(ctx.request_id);
  to.put(crlf);
  to.put(connection);
  to.put(crlf);
  if (ctx.is_head)
    return;
  to.put(session_id_member);
  to.put(record.session_id);
  to.put(account_id_member);
  to.put(record.account_id);
  to.put(record.is_guest ? guest_member : full_member);
  to.put(record.created_at);
  if (!record.expires_at)
    return to.put(resolved_endless);
  to.put(expires_member);
  to.put(*record.expires_at);
  to.put(resolved_end);
}

void append_verified(byte_buffer& out, const response_context& ctx, const session_record& record) {
  const auto guest = record.is_guest ? verified_guest : verified_full;
  const auto connection = connection_field(ctx);
  const bool is_kept = ctx.cache_control != no_store;
  const auto lifetime = verified_start.size() + ctx.lifetime_fields.size() + cache_control_name.size()
                        + ctx.cache_control.size() + user_id_name.size();
  hot_writer to{out, (is_kept ? lifetime : verified.size()) + verified_session.size() + 2 * uuid::text_length
                       + guest.size() + hot_date.size() + ctx.date.size() + hot_request_id.size()
                       + ctx.request_id.size() + crlf.size() + connection.size() + crlf.size()};
  if (is_kept) {
    to.put(verified_start);
    to.put(ctx.lifetime_fields);
    to.put(cache_control_name);
    to.put(ctx.cache_control);
    to.put(user_id_name);
  } else {
    to.put(verified);
  }
  to.put(record.account_id);
  to.put(verified_session);
  to.put(record.session_id);
  to.put(guest);
  to.put(hot_date);
  to.put(ctx.date);
  to.put(hot_request_id);
  to.put(ctx.request_id);
  to.put(crlf);
  to.put(connection);
  to.put(crlf);
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 204:
    return "No Content";
  case 304:
    return "Not Modified";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 406:
    return "Not Acceptable";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 422:
    return "Unprocessable Content";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Unknown";
  }
}

std::string to_http_date(timestamp t) {
  // Not strftime's %a and %b: those follow the process's locale.
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> rest{};
  std::string text{days[static_cast<std::size_t>(utc.tm_wday)]};
  text.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &utc));
  text += months[static_cast<std::size_t>(utc.tm_mon)];
  text.append(rest.data(), std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &utc));
  return text;
}

} // namespace portcullis::http
