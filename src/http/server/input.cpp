#include "http/server/server.hpp"

#include "telemetry/log.hpp"

#include <algorithm>
#include <exception>
#include <utility>

/// From bytes that came in to a request and its handler.
namespace portcullis::http {

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

void server::take_input(connection& c, std::string_view wire) {
  byte_buffer plain;
  std::string_view input = wire;
  if (c.transport) {
    auto done = c.transport->receive(wire, plain, c.wire);
    if (!done) {
      ++count_.refused_requests;
      log::debug("connection refused", {{"reason", done.error().detail}});
      c.takes_requests = false;
      c.state = connection::mode::closing;
      mark_dirty(c);
      return;
    }
    input = {plain.data(), plain.size()};
    mark_dirty(c);
  }
  if (c.is_paused)
    pause(c, input);
  else if (!input.empty())
    process(c, input);
}

void server::process(connection& c, std::string_view input) {
  auto now = options_.now();
  for (bool more = true; more && c.takes_requests && c.state == connection::mode::open;) {
    bool is_full = c.exchanges.size() >= options_.limits.pipelined_max
                   || c.unsent + c.out.size() > options_.limits.unsent_bytes_max;
    if (is_full || c.is_blocked()) {
      c.is_paused = true;
      pause(c, input);
      break;
    }
    switch (c.reader.read(input)) {
    case request_reader::status::need_more:
      more = false;
      break;
    case request_reader::status::want_continue:
      // With answers outstanding it would come out of order; the client goes on by itself then.
      if (c.exchanges.empty())
        append(c.out, continue_response);
      break;
    case request_reader::status::complete:
      c.reading_since = now;
      dispatch(c, c.reader.current(), now);
      break;
    case request_reader::status::failed:
      refuse(c, c.reader.error());
      break;
    }
  }
  c.note_reading(now);
  account(c);
  if (is_short_of_memory() && c.state == connection::mode::open && c.takes_requests && c.reader.in_request()) {
    ++count_.short_of_memory;
    refuse(c, {errc::overloaded, "connections hold more memory than they may"});
  }
  mark_dirty(c);
}

/// Keeps input for later. The socket is read on, so that the peer's leaving is noticed, up to a bound.
void server::pause(connection& c, std::string_view rest) {
  c.backlog.append(rest);
  if (c.backlog.size() > options_.limits.backlog_bytes_max && !std::exchange(c.is_halted, true))
    broker_->halt(c.handle);
}

void server::resume(connection& c) {
  c.is_paused = false;
  if (std::exchange(c.is_halted, false))
    broker_->trigger(c.handle);
  auto backlog = std::exchange(c.backlog, {});
  process(c, backlog);
}

exchange& server::begin(connection& c, const request& r, const route* to, instant now) {
  auto& x = c.begin_exchange();
  x.to = to;
  x.is_head = r.method == verb::head;
  x.keep_alive = r.keep_alive && phase_ != phase::leaving && phase_ != phase::draining;
  x.is_http_1_0 = r.is_http_1_0;
  c.takes_requests = x.keep_alive;
  x.began = now;
  x.deadline = now + options_.limits.request_timeout;
  auto id = r.get(field::x_request_id);
  x.request_id = is_sane_request_id(id) ? std::string{id} : make_request_id(next_request_++);
  x.span = tracing::start_span(to == nullptr ? "none" : to->name, tracing::kind::server, r.get(field::traceparent),
                               r.get(field::tracestate));
  return x;
}

void server::dispatch(connection& c, const request& r, instant now) {
  auto found = routes_.find(r.method, r.path);
  auto& x = begin(c, r, found.to, now);
  if (found.to == nullptr) {
    if (found.is_path_known)
      return problem(c, x, {errc::method_not_allowed, "the resource does not take this method"}, found.allow);
    return problem(c, x, {errc::route_unknown, "there is no such resource"}, {});
  }
  bool is_early = found.to->group == audience::probe || has(found.to->traits, trait::early);
  if (phase_ == phase::starting && !is_early) {
    // A rolling restart sends requests to a process that has only just bound its port: they wait a moment.
    if (parked_.size() >= options_.limits.parked_max)
      return problem(c, x, {errc::starting, "the service is starting"}, {});
    x.waits_for = "the start of the service";
    x.parked = std::make_unique<owned_request>(r);
    parked_.push_back({c.handle.id(), c.generation, x.id});
    return;
  }
  if (is_short_of_memory() && found.to->group != audience::probe) {
    ++count_.short_of_memory;
    x.keep_alive = false;
    c.takes_requests = false;
    return problem(c, x, {errc::overloaded, "connections hold more memory than they may"}, {});
  }
  run(c, x, r, found.params);
}

/// A handler that throws (there is no memory) is given up: its request gets a 500, and those behind it are served.
void server::run(connection& c, exchange& x, const request& r, const path_params& params) {
  ticket which{c.handle.id(), c.generation, x.id};
  try {
    x.to->handler(call{r, params}, responder{this, which});
  } catch (const std::exception& e) {
    log::error("handler failed", {{"route", x.to->name}, {"reason", e.what()}});
    if (auto* open = c.find_exchange(which.exchange))
      problem(c, *open, {errc::internal, "the request could not be handled"}, {});
  }
}

/// Answers what is not a request, or not to be served at all, and closes.
void server::refuse(connection& c, const failure& why) {
  ++count_.refused_requests;
  auto& x = begin(c, {}, nullptr, options_.now());
  x.keep_alive = false;
  c.takes_requests = false;
  problem(c, x, why, {});
}

} // namespace portcullis::http
