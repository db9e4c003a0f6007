#include "edge/transfer.hpp"

#include <algorithm>
#include <charconv>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace portcullis::edge {

namespace {

using net::set_option;

using std::chrono::milliseconds;

/// Below the server's own time-out of idle connections, so that the edge is the one that closes them.
constexpr long idle_connection_seconds_max = 55;

void add(net::curl_list& list, const std::string& field) {
  if (!append(list, field))
    throw std::bad_alloc{};
}

net::curl_list fields_of(const http_client_options& options, bool has_body) {
  net::curl_list fields;
  add(fields, "Accept: application/json");
  add(fields, "User-Agent: portcullis-edge");
  if (!options.caller_key.empty())
    add(fields, "X-Caller-Key: " + options.caller_key);
  if (has_body) {
    add(fields, "Content-Type: application/json");
    add(fields, "Expect:"); // libcurl would wait for `100 Continue` before larger bodies
  }
  return fields;
}

struct host_and_port {
  std::string host;
  std::int64_t port;
};

/// Of an address as http_client_options has it.
host_and_port split_address(std::string_view url) {
  constexpr std::string_view secure = "https://";
  const bool is_secure = url.substr(0, secure.size()) == secure;
  url.remove_prefix(url.find("//") + 2);
  url = url.substr(0, url.find('/'));
  const auto colon = url.rfind(':');
  const bool has_port = colon != std::string_view::npos && url.find(']', colon) == std::string_view::npos;
  std::int64_t port = is_secure ? 443 : 80;
  if (has_port)
    std::from_chars(url.data() + colon + 1, url.data() + url.size(), port);
  return {std::string{url.substr(0, has_port ? colon : url.size())}, port};
}

} // namespace

transfer_settings::transfer_settings(const http_client_options& from)
  : options(from), get_fields(fields_of(from, false)), post_fields(fields_of(from, true)) {}

transfer::transfer(kind k, http_request request, http_callback on_end, instant ends)
  : type(k), asked(std::move(request)), callback(std::move(on_end)), deadline(ends), easy_(curl_easy_init()) {}

bool transfer::prepare(const transfer_settings& settings, std::size_t to, instant now) {
  if (easy_ == nullptr)
    return false;
  address = to;
  tried |= 1u << to;
  url_ = settings.options.addresses[to] + asked.target;
  answer = http_answer{};
  answer.sent = now;
  is_too_large = false;
  start_span(settings);
  auto left = std::chrono::ceil<milliseconds>(deadline - now);
  auto& o = settings.options;
  is_brief = left < std::min(o.connect_timeout, o.attempt_timeout);
  auto timeout = type == kind::long_poll ? left : std::min(left, o.attempt_timeout);
  return set_options(settings, std::max(timeout, milliseconds{1}));
}

/// By the conventions for HTTP clients. The target is one of ours and holds nothing of a caller's.
void transfer::start_span(const transfer_settings& settings) {
  span_ = {};
  traced_fields_.reset();
  if (asked.asked_by.empty())
    return;
  const bool has_body = !asked.body.empty();
  const auto& first = asked.asked_by.front();
  if (!first.is_sampled)
    return pass_on(settings, has_body, tracing::context_of(first));
  const char* method = has_body ? "POST" : "GET";
  span_ = tracing::start_child(method, tracing::kind::client, first, {asked.asked_by});
  if (!span_)
    return;
  span_.set("http.request.method", method);
  span_.set("url.full", url_);
  const auto at = split_address(settings.options.addresses[address]);
  span_.set("server.address", at.host);
  span_.set("server.port", at.port);
  if (attempts_++ > 0)
    span_.set("http.request.resend_count", std::int64_t{attempts_ - 1});
  pass_on(settings, has_body, span_.context());
}

void transfer::pass_on(const transfer_settings& settings, bool has_body, const tracing::context& above) {
  traced_fields_ = fields_of(settings.options, has_body);
  add(traced_fields_, "traceparent: " + tracing::to_traceparent(above));
  if (!above.tracestate.empty()) // written by the SDK of what it could read, so it is one line
    add(traced_fields_, "tracestate: " + above.tracestate);
}

void transfer::end_span(CURLcode code) noexcept {
  if (!span_)
    return;
  const auto answered = static_cast<std::int64_t>(status());
  if (answered != 0)
    span_.set("http.response.status_code", answered);
  if (code != CURLE_OK)
    span_.set("error.type", code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "connection");
  else if (answered >= 400)
    span_.set("error.type", std::string_view{std::to_string(answered)});
  if (code != CURLE_OK || answered >= 400)
    span_.fail("no answer that can be used");
  span_.end();
}

bool transfer::set_options(const transfer_settings& settings, milliseconds timeout) {
  auto* h = easy_.get();
  auto& o = settings.options;
  curl_easy_reset(h);
  answer_bytes_max_ = o.answer_bytes_max;
  bool has_body = !asked.body.empty();
  auto* fields = traced_fields_ ? traced_fields_.get()
                 : has_body     ? settings.post_fields.get()
                                : settings.get_fields.get();
  bool is_set =
    set_option(h, CURLOPT_PRIVATE, this) && set_option(h, CURLOPT_URL, url_.c_str())
    && set_option(h, CURLOPT_PROTOCOLS_STR, "http,https")
    && set_option(h, CURLOPT_PROXY, "") // whatever http_proxy says
    && set_option(h, CURLOPT_FOLLOWLOCATION, 0L) && set_option(h, CURLOPT_NOSIGNAL, 1L)
    && set_option(h, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1}) && set_option(h, CURLOPT_TCP_KEEPALIVE, 1L)
    && set_option(h, CURLOPT_MAXAGE_CONN, idle_connection_seconds_max)
    && set_option(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(o.connect_timeout.count()))
    && set_option(h, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()))
    && set_option(h, CURLOPT_HTTPHEADER, fields) && set_option(h, CURLOPT_WRITEFUNCTION, &transfer::take)
    && set_option(h, CURLOPT_WRITEDATA, this) && net::set_tls(h, o.ca_file, o.certificate_file, o.key_file);
  if (has_body)
    is_set = is_set && set_option(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(asked.body.size()))
             && set_option(h, CURLOPT_POSTFIELDS, asked.body.data());
  return is_set;
}

std::size_t transfer::take(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  auto& to = *static_cast<transfer*>(self);
  auto bytes = size * count;
  if (bytes > to.answer_bytes_max_ - to.answer.body.size()) {
    to.is_too_large = true;
    return 0; // ends the transfer
  }
  try {
    to.answer.body.append(data, bytes);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return bytes;
}

transfer* transfer::of(CURL* handle) noexcept {
  char* self = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &self);
  return reinterpret_cast<transfer*>(self);
}

int transfer::status() const noexcept {
  long code = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
  return static_cast<int>(code);
}

} // namespace portcullis::edge
