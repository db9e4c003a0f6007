#include "http/head_parser.hpp"

#include "core/ascii.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

// Beast checks the grammar. What it lets through and is refused here, because two readers of one message must not
// come to different ends or because nobody honest sends it:
//
// - Host: missing in HTTP/1.1, given twice, empty, a list, with user information, a path or a bad port;
// - Transfer-Encoding: anything but exactly `chunked`, given twice, in HTTP/1.0, or beside a Content-Length;
// - Content-Length: given twice or as a list, even of equal numbers;
// - Expect: anything but `100-continue`;
// - target: CONNECT's authority form, `*` with another method than OPTIONS, a fragment, bytes beyond ASCII;
// - Authorization: given twice. (Of the other fields that the service reads a repetition is noted, and refused by
// the
//   routes that read the field: a gateway copies what outsiders send onto requests that do not.)
//
// The absolute form is accepted as RFC 9112, section 3.2.2 demands: its authority is checked and then, like Host,
// plays no part, because this service has one site.

namespace portcullis::http {

namespace {

namespace beast = boost::beast;

std::string_view view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool is_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), ascii::is_digit);
}

// -- authority ---------------------------------------------------------------------------------------------

/// What a reg-name is made of (RFC 3986, section 3.2.2), without the comma that could join two hosts.
constexpr auto of_host_name = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 128; ++c)
    table[c] = ascii::is_alphanumeric(static_cast<char>(c));
  for (const char mark : std::string_view{"-._~%!$&'()*+;="})
    table[static_cast<unsigned char>(mark)] = true;
  return table;
}();

/// Covers IPv4 literals.
bool is_host_name(std::string_view host) noexcept {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return of_host_name[static_cast<unsigned char>(c)];
  });
}

bool is_ipv6(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size())
    return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  in6_addr ignored{};
  return inet_pton(AF_INET6, terminated.data(), &ignored) == 1;
}

/// What follows the host: nothing, or `:` and a port, which RFC 3986 lets be empty.
bool is_port_part(std::string_view text) noexcept {
  if (text.empty() || text == ":")
    return true;
  if (text.front() != ':' || text.size() > 6 || !is_digits(text.substr(1)))
    return false;
  int port = 0;
  for (const char c : text.substr(1))
    port = port * 10 + (c - '0');
  return port <= 65535;
}

/// uri-host [ ":" port ] (RFC 9110, section 7.2).
bool is_authority(std::string_view text) noexcept {
  if (!text.empty() && text.front() == '[') {
    const auto end = text.find(']');
    return end != std::string_view::npos && is_ipv6(text.substr(1, end - 1)) && is_port_part(text.substr(end + 1));
  }
  const auto colon = std::min(text.find(':'), text.size());
  return is_host_name(text.substr(0, colon)) && is_port_part(text.substr(colon));
}

// -- request line ------------------------------------------------------------------------------------------

verb to_verb(beast::http::verb method) noexcept {
  switch (method) {
  case beast::http::verb::get:
    return verb::get;
  case beast::http::verb::head:
    return verb::head;
  case beast::http::verb::post:
    return verb::post;
  case beast::http::verb::put:
    return verb::put;
  case beast::http::verb::patch:
    return verb::patch;
  case beast::http::verb::delete_:
    return verb::delete_;
  case beast::http::verb::options:
    return verb::options;
  case beast::http::verb::trace:
    return verb::trace;
  case beast::http::verb::connect:
    return verb::connect;
  default:
    return verb::other;
  }
}

/// Cuts scheme and authority off an absolute-form target; nothing if it is not one.
std::optional<std::string_view> path_of_absolute_form(std::string_view target) noexcept {
  const auto colon = target.find(':');
  if (colon == std::string_view::npos || target.substr(colon, 3) != "://")
    return {};
  const auto scheme = target.substr(0, colon);
  if (!ascii::iequals(scheme, "http") && !ascii::iequals(scheme, "https"))
    return {};
  const auto rest = target.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  if (!is_authority(rest.substr(0, end)))
    return {};
  return rest.substr(end);
}

/// Fills `path` and `query`; returns what is wrong with the target, or nothing.
std::string_view split_target(request& out) noexcept {
  if (ascii::any_of(out.target, [](char c) { return c == '#' || static_cast<unsigned char>(c) >= 0x7f; }))
    return "The request target holds a fragment or a byte beyond ASCII.";
  if (out.method_text == "CONNECT")
    return "This service is no proxy and opens no tunnel.";
  if (out.target == "*") {
    out.path = out.target;
    return out.method == verb::options ? "" : "The request target `*` goes with OPTIONS only.";
  }
  auto origin = out.target;
  if (origin.front() != '/') {
    const auto rest = path_of_absolute_form(origin);
    if (!rest)
      return "The request target is neither a path nor an http URL.";
    origin = *rest;
  }
  const auto mark = std::min(origin.find('?'), origin.size());
  out.path = mark == 0 ? std::string_view{"/"} : origin.substr(0, mark);
  out.query = origin.substr(std::min(mark + 1, origin.size()));
  return "";
}

// -- fields ------------------------------------------------------------------------------------------------

/// The fields that Beast has no number for, by their lower-case names.
constexpr std::array<std::pair<std::string_view, field>, 8> own_fields{{
  {"x-user-id", field::x_user_id},
  {"tracestate", field::tracestate},
  {"traceparent", field::traceparent},
  {"x-session-id", field::x_session_id},
  {"x-request-id", field::x_request_id},
  {"x-caller-key", field::x_caller_key},
  {"x-min-cursor", field::x_min_cursor},
  {"last-event-id", field::last_event_id},
}};

/// True if a token is `own`, which is of lower-case letters and hyphens, in any case. The bit that is set turns
/// upper case to lower, and no other character of a token into a letter or a hyphen.
bool is_name(std::string_view own, std::string_view token) noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < own.size(); ++i)
    difference |= (static_cast<unsigned char>(token[i]) | 0x20U) ^ static_cast<unsigned char>(own[i]);
  return difference == 0;
}

field to_field(beast::http::field known, std::string_view name) noexcept {
  switch (known) {
  case beast::http::field::accept:
    return field::accept;
  case beast::http::field::authorization:
    return field::authorization;
  case beast::http::field::content_type:
    return field::content_type;
  case beast::http::field::unknown:
    for (const auto& [own, f] : own_fields)
      if (own.size() == name.size() && is_name(own, name))
        return f;
    return field::count_;
  default:
    return field::count_;
  }
}

std::string_view describe_syntax(beast::error_code ec) noexcept {
  using beast::http::error;
  if (ec == error::bad_method)
    return "The method is not a token.";
  if (ec == error::bad_target || ec == error::bad_version)
    return "The request line is not method, target and version with one space between.";
  if (ec == error::bad_field)
    return "A header line is not a token, a colon at once after it and a value.";
  if (ec == error::bad_value)
    return "A header field has a malformed value.";
  if (ec == error::bad_content_length || ec == error::multiple_content_length)
    return "Content-Length is not one decimal number on its own.";
  if (ec == error::bad_transfer_encoding)
    return "Transfer-Encoding is given twice or beside a Content-Length.";
  return "The request is not HTTP/1.1.";
}

/// Keeps views of what the service reads and drops the rest. One object parses one head.
class head_parser final : public beast::http::basic_parser<true> {
public:
  explicit head_parser(request& out) : out_(out) {}

  std::optional<failure> parse(std::string_view head, body_framing& framing) {
    header_limit(static_cast<std::uint32_t>(head.size()));
    body_limit(boost::none); // the reader's
    beast::error_code ec;
    put(boost::asio::const_buffer{head.data(), head.size()}, ec);
    if (refused_.code != errc::none)
      return refused_;
    if (ec)
      return failure{errc::request_malformed, std::string{describe_syntax(ec)}};
    if (!out_.is_http_1_0 && hosts_ == 0)
      return failure{errc::request_malformed, "An HTTP/1.1 request needs a Host field."};
    out_.head = head;
    out_.keep_alive = keep_alive();
    framing.is_chunked = chunked();
    framing.length = content_length().value_or(0);
    framing.expects_continue = expects_continue_ && !out_.is_http_1_0; // RFC 9110, section 10.1.1
    return {};
  }

private:
  void refuse(errc code, std::string_view detail, beast::error_code& ec) {
    refused_ = {code, std::string{detail}};
    ec = beast::http::error::bad_value; // anything that stops the parser
  }

  void malformed(std::string_view detail, beast::error_code& ec) {
    refuse(errc::request_malformed, detail, ec);
  }

  void on_request_impl(beast::http::verb method, beast::string_view method_text, beast::string_view target,
                       int version, beast::error_code& ec) override {
    out_.method = to_verb(method);
    out_.method_text = view(method_text);
    out_.target = view(target);
    out_.is_http_1_0 = version == 10;
    if (const auto wrong = split_target(out_); !wrong.empty())
      malformed(wrong, ec);
  }

  void on_field_impl(beast::http::field name, beast::string_view name_text, beast::string_view value,
                     beast::error_code& ec) override {
    switch (name) {
    case beast::http::field::host:
      return on_host(view(value), ec);
    case beast::http::field::content_length:
      return on_content_length(view(value), ec);
    case beast::http::field::transfer_encoding:
      return on_transfer_encoding(view(value), ec);
    case beast::http::field::expect:
      return on_expect(view(value), ec);
    default:
      return keep(to_field(name, view(name_text)), view(name_text), view(value), ec);
    }
  }

  void on_host(std::string_view value, beast::error_code& ec) {
    if (++hosts_ > 1)
      malformed("Host is given twice.", ec);
    else if (!is_authority(value))
      malformed("Host is not a host name or address with an optional port.", ec);
  }

  void on_content_length(std::string_view value, beast::error_code& ec) {
    if (++lengths_ > 1 || !is_digits(value))
      malformed(describe_syntax(beast::http::error::bad_content_length), ec);
  }

  void on_transfer_encoding(std::string_view value, beast::error_code& ec) {
    if (out_.is_http_1_0)
      malformed("HTTP/1.0 has no Transfer-Encoding.", ec); // RFC 9112, section 6.1
    else if (!ascii::iequals(value, "chunked"))
      malformed("Transfer-Encoding is not exactly `chunked`.", ec);
  }

  void on_expect(std::string_view value, beast::error_code& ec) {
    if (!ascii::iequals(value, "100-continue"))
      return refuse(errc::expectation_failed, "The only expectation this service meets is 100-continue.", ec);
    expects_continue_ = true;
  }

  void keep(field f, std::string_view name, std::string_view value, beast::error_code& ec) {
    if (f == field::count_)
      return;
    auto& first = out_.fields[static_cast<std::size_t>(f)];
    if (first.data() == nullptr) // an empty value points into the head, too
      first = value;
    else if (f == field::authorization)
      malformed(std::string{name} + " is given twice.", ec);
    else
      out_.repeated = static_cast<std::uint16_t>(out_.repeated | 1U << static_cast<unsigned>(f));
  }

  // The reader stops at the end of the head, so the rest is never called.
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view, beast::error_code&) override {
    return 0;
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, beast::error_code&) override {
    return 0;
  }
  void on_finish_impl(beast::error_code&) override {}

  request& out_;
  failure refused_;
  int hosts_ = 0;
  int lengths_ = 0;
  bool expects_continue_ = false;
};

} // namespace

std::optional<failure> parse_head(std::string_view head, request& out, body_framing& framing) {
  return head_parser{out}.parse(head, framing);
}

} // namespace portcullis::http
