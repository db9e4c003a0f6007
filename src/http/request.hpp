#pragma once

#include "core/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::http {

enum class verb : std::uint8_t {
  get,
  head,
  post,
  put,
  patch,
  delete_,
  options,
  trace,
  connect,
  other,
  any // of a route that takes every method; no request has it
};

/// As OpenTelemetry's conventions have it: `_OTHER` for one that we do not know.
std::string_view method_name(verb method) noexcept;

/// The header fields that the service reads. Everything else is checked for syntax and dropped.
enum class field : std::uint8_t {
  accept,
  authorization,
  content_type,
  last_event_id,
  traceparent,
  tracestate,
  x_caller_key,
  x_min_cursor,
  x_request_id,
  x_session_id,
  x_user_id,
  count_ // not a field
};

/// The lines of a request's head that have one name, in order: for a field that may come in several lines, such
/// as Accept. Nothing is stored for them; each look scans the head anew.
class field_lines {
public:
  /// `head`: complete lines with their CR LF, as the parser has checked them. A request line is no line of a
  /// field, because a method holds no colon. `name` in any case.
  field_lines(std::string_view head, std::string_view name) noexcept : rest_(head), name_(name) {}

  /// The next value, without white space around it; nothing after the last.
  std::optional<std::string_view> next() noexcept;

private:
  std::string_view rest_;
  std::string_view name_;
};

/// A complete request. Every view points into the reader's memory or into the input that was given to it, and
/// lives until the reader's next call (the input has to stay in place as long).
struct request {
  verb method = verb::other;
  std::string_view method_text;
  std::string_view target; // as sent: origin form, absolute form or `*` (RFC 9112, section 3.2)
  std::string_view path;   // begins with `/` (or is `*`), without authority and query, not decoded
  std::string_view query;  // after `?`, not decoded
  std::string_view body;
  std::string_view head; // request line and field lines, each with its CR LF, and the empty line
  std::array<std::string_view, static_cast<std::size_t>(field::count_)> fields{}; // the first value of each
  std::uint16_t repeated = 0; // a bit for each field that was given more than once
  bool keep_alive = true;
  bool is_http_1_0 = false;

  /// The value of a field that was given once; empty when it was not, or more than once. Two values are no value:
  /// which of them another reader of the message took is not for us to guess. Only Authorization given twice
  /// refuses the whole request, because only the routes that read a field are concerned by the others.
  std::string_view get(field f) const noexcept {
    return is_repeated(f) ? std::string_view{} : fields[static_cast<std::size_t>(f)];
  }
  bool is_repeated(field f) const noexcept {
    return (repeated >> static_cast<unsigned>(f) & 1U) != 0;
  }
};

/// The value of a field that a route may be given once at most: `request_malformed` when it came more than once.
/// The routes that lean on a value use this rather than `get`, so that two values are never taken for none.
result<std::string_view> sole_value(const request& r, field f);

struct reader_limits {
  std::size_t head_bytes_max = std::size_t{64} * 1024; // request line and header section
  std::size_t fields_max = 1000;
  std::size_t body_bytes_max = std::size_t{64} * 1024;
  std::size_t chunk_extension_bytes_max = 1024; // all chunks of one body together
  std::size_t trailer_bytes_max = std::size_t{4} * 1024;
};

/// Reads the requests of one connection: Beast's `basic_parser` for the syntax of RFC 9112, and on top of it
/// what that lets through and a service behind a gateway must refuse (request smuggling, ambiguous hosts; the list
/// is in head_parser.cpp). A request that lies whole in the input is parsed in place, without a copy (a chunked
/// body apart) or an allocation; what is incomplete is kept, bounded by the limits. What is read does not depend
/// on how the bytes were cut into calls, `want_continue` apart.
class request_reader {
public:
  enum class status : std::uint8_t {
    need_more,     // all of the input is taken; nothing to do until more arrives
    want_continue, // the head is complete and its sender waits for `100 Continue`; call again, once, after sending
                   // it
    complete,      // `current()` is a request; the input has moved past it
    failed,        // `error()` says why; the connection is to be closed after the answer
  };

  explicit request_reader(const reader_limits& limits);
  ~request_reader();
  request_reader(request_reader&&) noexcept;
  request_reader& operator=(request_reader&&) noexcept;

  /// Takes bytes off the front of `input` until a request is complete, something is wrong or none are left.
  status read(std::string_view& input);

  const request& current() const noexcept;

  const failure& error() const noexcept;

  /// True between the first byte of a request and its completion: the connection is not idle, and the
  /// request's deadline runs.
  bool in_request() const noexcept;

  /// The bytes that the reader holds for this connection between calls, for the bound on all connections together.
  std::size_t held_bytes() const noexcept;

  /// True once the head is complete and the body is being read.
  bool in_body() const noexcept;

  /// Bytes kept of a request that is not complete.
  std::size_t buffered_bytes() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace portcullis::http
