#include "http/request.hpp"

#include "core/ascii.hpp"
#include "http/chunked_body.hpp"
#include "http/head_parser.hpp"
#include "http/head_scanner.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace portcullis::http {

namespace {

/// What an idle connection may keep of its buffers.
constexpr std::size_t kept_bytes_max = std::size_t{4} * 1024;

void recycle(std::string& buffer) {
  if (buffer.capacity() > kept_bytes_max)
    std::string{}.swap(buffer); // `= {}` would assign an empty list of characters and keep the memory
  else
    buffer.clear();
}

} // namespace

std::string_view method_name(verb method) noexcept {
  switch (method) {
  case verb::get:
    return "GET";
  case verb::head:
    return "HEAD";
  case verb::post:
    return "POST";
  case verb::put:
    return "PUT";
  case verb::patch:
    return "PATCH";
  case verb::delete_:
    return "DELETE";
  case verb::options:
    return "OPTIONS";
  case verb::trace:
    return "TRACE";
  case verb::connect:
    return "CONNECT";
  case verb::other:
  case verb::any:
    break;
  }
  return "_OTHER";
}

std::optional<std::string_view> field_lines::next() noexcept {
  while (!rest_.empty()) {
    const auto line = rest_.substr(0, rest_.find("\r\n"));
    rest_.remove_prefix(std::min(line.size() + 2, rest_.size()));
    if (line.size() > name_.size() && line[name_.size()] == ':'
        && ascii::iequals(line.substr(0, name_.size()), name_))
      return ascii::trim(line.substr(name_.size() + 1), " \t");
  }
  return {};
}

result<std::string_view> sole_value(const request& r, field f) {
  constexpr std::string_view names[] = {"Accept",       "Authorization", "Content-Type", "Last-Event-ID",
                                        "traceparent",  "tracestate",    "X-Caller-Key", "X-Min-Cursor",
                                        "X-Request-Id", "X-Session-ID",  "X-User-ID"};
  static_assert(std::size(names) == static_cast<std::size_t>(field::count_));
  if (r.is_repeated(f))
    return failure{errc::request_malformed, std::string{names[static_cast<std::size_t>(f)]} + " is given twice."};
  return r.get(f);
}

struct request_reader::impl {
  enum class phase : std::uint8_t {
    before,    // nothing of the request yet; one empty line may come first (RFC 9112, section 2.2)
    before_lf, // its CR has come
    first,     // its LF too, or there was none: the next byte is the request's first
    head,
    body,
    complete,
    failed,
  };

  explicit impl(const reader_limits& l) : limits(l), scanner(l), chunks(l) {}

  status read(std::string_view& input);
  void begin();
  void skip_empty_line(std::string_view& input);
  status read_head(std::string_view& input);
  status start_body(std::string_view head, std::string_view& input);
  status read_body(std::string_view& input);
  status read_fixed(std::string_view& input);
  status read_chunks(std::string_view& input);
  void keep_head(std::string_view head);
  status fail(failure what);

  reader_limits limits;
  phase at = phase::before;
  head_scanner scanner;
  chunked_body chunks;
  body_framing framing;
  request current;
  failure error;
  std::string head_buffer; // of a request whose head, or whose body, did not come in one piece with it
  std::string body_buffer; // of a body that did not come in one piece, or is chunked
};

request_reader::status request_reader::impl::read(std::string_view& input) {
  if (at == phase::complete)
    begin();
  if (at < phase::head)
    skip_empty_line(input);
  switch (at) {
  case phase::head:
    return read_head(input);
  case phase::body:
    return read_body(input);
  case phase::failed:
    return status::failed;
  default:
    return status::need_more;
  }
}

void request_reader::impl::begin() {
  at = phase::before;
  scanner = head_scanner{limits};
  chunks = chunked_body{limits};
  recycle(head_buffer);
  recycle(body_buffer);
}

void request_reader::impl::skip_empty_line(std::string_view& input) {
  if (at == phase::before && !input.empty()) {
    at = input.front() == '\r' ? phase::before_lf : phase::first;
    if (at == phase::before_lf)
      input.remove_prefix(1);
  }
  if (at == phase::before_lf && !input.empty()) {
    if (input.front() != '\n') {
      fail({errc::request_malformed, "A CR that no LF follows stands before the request line."});
      return;
    }
    input.remove_prefix(1);
    at = phase::first;
  }
  if (at == phase::first && !input.empty())
    at = phase::head;
}

request_reader::status request_reader::impl::read_head(std::string_view& input) {
  // In place while nothing was kept; else what was kept is continued, by no more than a head may have.
  const auto kept = head_buffer.size();
  if (kept > 0)
    head_buffer.append(input.substr(0, limits.head_bytes_max - kept));
  const auto seen = kept > 0 ? std::string_view{head_buffer} : input;
  failure why;
  switch (scanner.scan(seen, why)) {
  case head_scanner::progress::refused:
    return fail(std::move(why));
  case head_scanner::progress::need_more:
    if (kept == 0)
      head_buffer.assign(input);
    input.remove_prefix(input.size());
    return status::need_more;
  case head_scanner::progress::found:
    break;
  }
  input.remove_prefix(scanner.head_size() - kept);
  return start_body(seen.substr(0, scanner.head_size()), input);
}

request_reader::status request_reader::impl::start_body(std::string_view head, std::string_view& input) {
  current = {};
  framing = {};
  if (auto refused = parse_head(head, current, framing))
    return fail(*std::move(refused));
  if (framing.length > limits.body_bytes_max)
    return fail({errc::body_too_large, "The body exceeds " + std::to_string(limits.body_bytes_max) + " bytes."});
  at = phase::body;
  const bool waits = framing.expects_continue && input.empty() && (framing.is_chunked || framing.length > 0);
  const auto result = waits ? status::want_continue : read_body(input);
  if (at == phase::body)
    keep_head(head);
  return result;
}

request_reader::status request_reader::impl::read_body(std::string_view& input) {
  return framing.is_chunked ? read_chunks(input) : read_fixed(input);
}

request_reader::status request_reader::impl::read_fixed(std::string_view& input) {
  const auto length = static_cast<std::size_t>(framing.length);
  if (body_buffer.empty() && input.size() >= length) {
    current.body = input.substr(0, length);
    input.remove_prefix(length);
    at = phase::complete;
    return status::complete;
  }
  const auto taken = std::min(input.size(), length - body_buffer.size());
  body_buffer.append(input.substr(0, taken));
  input.remove_prefix(taken);
  if (body_buffer.size() < length)
    return status::need_more;
  current.body = body_buffer;
  at = phase::complete;
  return status::complete;
}

request_reader::status request_reader::impl::read_chunks(std::string_view& input) {
  failure why;
  switch (chunks.read(input, body_buffer, why)) {
  case chunked_body::progress::refused:
    return fail(std::move(why));
  case chunked_body::progress::need_more:
    return status::need_more;
  case chunked_body::progress::complete:
    break;
  }
  current.body = body_buffer;
  at = phase::complete;
  return status::complete;
}

/// Moves the head of an incomplete request out of the caller's input, which will be gone at the next call. The
/// views are made anew by parsing again: rare, and it cannot go wrong.
void request_reader::impl::keep_head(std::string_view head) {
  if (head_buffer.empty())
    head_buffer.assign(head);
  else
    head_buffer.resize(head.size());
  current = {};
  parse_head(head_buffer, current, framing);
}

request_reader::status request_reader::impl::fail(failure what) {
  error = std::move(what);
  at = phase::failed;
  current = {};
  recycle(head_buffer);
  recycle(body_buffer);
  return status::failed;
}

request_reader::request_reader(const reader_limits& limits) : impl_(std::make_unique<impl>(limits)) {}

request_reader::~request_reader() = default;
request_reader::request_reader(request_reader&&) noexcept = default;
request_reader& request_reader::operator=(request_reader&&) noexcept = default;

request_reader::status request_reader::read(std::string_view& input) {
  return impl_->read(input);
}

const request& request_reader::current() const noexcept {
  return impl_->current;
}

const failure& request_reader::error() const noexcept {
  return impl_->error;
}

bool request_reader::in_request() const noexcept {
  return impl_->at == impl::phase::head || impl_->at == impl::phase::body;
}

std::size_t request_reader::held_bytes() const noexcept {
  return impl_->head_buffer.capacity() + impl_->body_buffer.capacity();
}

bool request_reader::in_body() const noexcept {
  return impl_->at == impl::phase::body;
}

std::size_t request_reader::buffered_bytes() const noexcept {
  return in_request() ? impl_->head_buffer.size() + impl_->body_buffer.size() : 0;
}

} // namespace portcullis::http
