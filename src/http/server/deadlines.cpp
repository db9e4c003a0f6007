#include "http/server/server.hpp"

#include <algorithm>
#include <string>
#include <utility>

/// What the passing of time does: late requests, slow and silent clients, the end of a drain.
namespace portcullis::http {

void server::tick() {
  turn t{*this};
  output_.refresh_date();
  auto now = options_.now();
  // All of them, four times a second: ten thousand take well under a millisecond.
  connections_.for_each([&](connection& c) { check_deadlines(c, now); });
  update_acceptor(); // descriptors come and go by other hands, too
}

void server::check_deadlines(connection& c, instant now) {
  auto& limits = options_.limits;
  if (c.unsent > 0 && now - c.written_at >= limits.write_timeout)
    return connections_.drop(c);
  switch (c.state) {
  case connection::mode::open:
    check_open(c, now);
    break;
  case connection::mode::streaming: // its owner sends heartbeats, the write time-out watches it
  case connection::mode::closing:
    break;
  case connection::mode::lingering:
    if (now - c.lingering_since >= limits.linger_timeout)
      connections_.drop(c);
    break;
  }
}

void server::check_open(connection& c, instant now) {
  auto& limits = options_.limits;
  answer_late(c, now);
  if (c.state != connection::mode::open)
    return;
  auto waited = now - c.reading_since;
  bool is_handshaking = c.transport && !c.transport->is_established();
  if (is_handshaking && waited >= limits.header_timeout)
    return connections_.drop(c);
  // One that is paused has its request here: it waits for us.
  bool is_reading = c.reader.in_request() && !c.is_paused;
  if (is_reading && waited >= (c.reader.in_body() ? limits.body_timeout : limits.header_timeout)) {
    input_.refuse(c, {errc::request_timeout, "the request did not arrive in time"});
  } else if (c.is_idle() && (waited >= limits.idle_timeout || now >= drain_idle_until_)) {
    connections_.linger(c);
  } else if (now >= drain_until_ && c.exchanges.empty()) {
    input_.refuse(c, {errc::draining, "the service is stopping"});
  }
  output_.mark_dirty(c);
}

/// Answering the first that is late may complete others behind it, hence the search anew.
void server::answer_late(connection& c, instant now) {
  auto late = [&] {
    return std::find_if(c.exchanges.begin(), c.exchanges.end(),
                        [&](auto& x) { return !x.is_answered && (x.deadline <= now || now >= drain_until_); });
  };
  for (auto x = late(); x != c.exchanges.end(); x = late()) {
    bool is_starting = x->parked != nullptr;
    auto detail = std::string{x->waits_for} + " took too long";
    output_.problem(c, *x, {is_starting ? errc::starting : errc::deadline_exceeded, std::move(detail)});
  }
}

} // namespace portcullis::http
