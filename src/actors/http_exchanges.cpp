#include "actors/http_front.hpp"

#include "http/problem.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

/// From a request that was read to an answer in the connection's buffer, in the order of the requests.
namespace portcullis {

namespace {

bool is_sane_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'
           || c == '.' || c == ':';
  });
}

/// Fifteen hex digits, which a std::string holds without the heap: a counter, scattered by a bijection
/// (splitmix64's finalizer) so that ids of several replicas do not meet.
std::string make_request_id(std::uint64_t counter) {
  counter ^= counter >> 30;
  counter *= 0xbf58476d1ce4e5b9ULL;
  counter ^= counter >> 27;
  counter *= 0x94d049bb133111ebULL;
  counter ^= counter >> 31;
  std::string id(15, '0');
  for (auto& digit : id) {
    digit = "0123456789abcdef"[counter & 0xF];
    counter >>= 4;
  }
  return id;
}

} // namespace

http_exchange& http_front_state::begin_exchange(http_connection& c, const http::request& r, http::route to,
                                                instant now) {
  auto& x = c.exchanges.emplace_back();
  x.id = c.next_exchange++;
  x.to = to;
  x.is_head = r.method == http::verb::head;
  x.is_change = r.method != http::verb::get && !x.is_head && to != http::route::none
                && to != http::route::resolve_session && to != http::route::verify
                && to != http::route::introspect;
  x.keep_alive = r.keep_alive && phase_ != service_phase::draining;
  x.is_http_1_0 = r.is_http_1_0;
  c.takes_requests = x.keep_alive;
  x.began = now;
  x.deadline = now + options_.request_timeout;
  auto id = r.get(http::field::x_request_id);
  x.request_id = is_sane_request_id(id) ? std::string{id} : make_request_id(next_request_++);
  x.span = tracing::start_span(http::to_string(to), tracing::kind::server, r.get(http::field::traceparent),
                               r.get(http::field::tracestate));
  return x;
}

http_exchange* http_front_state::find_exchange(http_connection& c, std::uint64_t id) {
  if (c.exchanges.empty() || id < c.exchanges.front().id)
    return nullptr;
  auto offset = id - c.exchanges.front().id;
  if (offset >= c.exchanges.size() || c.exchanges[offset].is_answered)
    return nullptr;
  return &c.exchanges[offset];
}

ticket http_front_state::ticket_of(const http_connection& c, const http_exchange& x) const {
  return {c.handle.id(), c.generation, x.id};
}

http::response_context http_front_state::context_of(const http_exchange& x) const {
  http::response_context ctx;
  ctx.request_id = x.request_id;
  ctx.date = date_;
  ctx.keep_alive = x.keep_alive;
  ctx.is_head = x.is_head;
  ctx.is_http_1_0 = x.is_http_1_0;
  return ctx;
}

http::byte_buffer& http_front_state::response_of(http_connection& c, http_exchange& x) {
  return &x == &c.exchanges.front() ? c.out : x.response;
}

void http_front_state::complete(http_connection& c, http_exchange& x, int status) {
  auto now = options_.now();
  x.is_answered = true;
  x.status = status;
  count(x, now);
  c.reading_since = now;
  while (!c.exchanges.empty() && c.exchanges.front().is_answered) {
    auto& first = c.exchanges.front();
    c.out.insert(c.out.end(), first.response.begin(), first.response.end());
    bool keep_alive = first.keep_alive;
    c.exchanges.pop_front();
    if (!keep_alive) {
      // Whatever was pipelined behind it is not answered (RFC 9112, section 9.6).
      c.state = http_connection::mode::closing;
      c.exchanges.clear();
    }
  }
}

void http_front_state::answer_json(http_connection& c, http_exchange& x, int status, std::string_view body) {
  http::append_response(response_of(c, x), context_of(x), status, body.empty() ? "" : "application/json", body);
  complete(c, x, status);
}

void http_front_state::answer_problem(http_connection& c, http_exchange& x, const failure& what,
                                      std::string_view allow) {
  http::append_problem(response_of(c, x), context_of(x), what, allow);
  if (x.span && http::describe(what.code).status >= 500)
    x.span.fail(to_string(what.code));
  complete(c, x, http::describe(what.code).status);
}

void http_front_state::answer_json(const ticket& to, int status, std::string_view body) {
  if (auto* c = find(to))
    if (auto* x = find_exchange(*c, to.exchange)) {
      answer_json(*c, *x, status, body);
      flush(*c);
    }
}

void http_front_state::answer_problem(const ticket& to, const failure& what) {
  if (auto* c = find(to))
    if (auto* x = find_exchange(*c, to.exchange)) {
      answer_problem(*c, *x, what);
      flush(*c);
    }
}

void http_front_state::count(const http_exchange& x, instant now) {
  auto& numbers = numbers_[static_cast<std::size_t>(x.to)];
  auto i = std::find_if(numbers.by_status.begin(), numbers.by_status.end(),
                        [&](auto& entry) { return entry.first == x.status; });
  if (i == numbers.by_status.end())
    i = numbers.by_status.insert(i, {x.status, 0});
  ++i->second;
  numbers.latency.observe(now - x.began);
  auto level = x.status >= 500                 ? log::level::warn
               : x.is_change && x.status < 400 ? log::level::info
                                               : log::level::debug;
  if (log::enabled(level))
    log::write(level, "request",
               {{"route", http::to_string(x.to)},
                {"status", x.status},
                {"took_us", std::chrono::duration_cast<std::chrono::microseconds>(now - x.began).count()},
                {"request_id", x.request_id}});
}

} // namespace portcullis
