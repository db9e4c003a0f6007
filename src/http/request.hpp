#pragma once

#include "core/error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  other,
  any // of a route that takes every method; no request has it
};

/// The header fields that the service reads. Everything else is checked for syntax and dropped.
enum class field : std::uint8_t {
  accept,
  authorization,
  content_type,
  last_event_id,
  traceparent,
  tracestate,
  x_min_cursor,
  x_request_id,
  x_session_id,
  x_user_id,
  count_ // not a field
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
  std::array<std::string_view, static_cast<std::size_t>(field::count_)> fields{};
  bool keep_alive = true;
  bool is_http_1_0 = false;

  std::string_view get(field f) const noexcept {
    return fields[static_cast<std::size_t>(f)];
  }
};

struct reader_limits {
  std::size_t head_bytes_max = std::size_t{16} * 1024; // request line and header section
  std::size_t fields_max = 100;
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

  /// True once the head is complete and the body is being read.
  bool in_body() const noexcept;

  /// Bytes kept of a request that is not complete.
  std::size_t buffered_bytes() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace portcullis::http
