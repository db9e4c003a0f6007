#include "http/server/server.hpp"

#include "telemetry/log.hpp"

#include <algorithm>
#include <string>
#include <utility>

/// What the passing of time does: late requests, slow and silent clients, the end of a drain.
namespace portcullis::http {

void server::tick() {
  turn t{*this};
  refresh_date();
  auto now = options_.now();
  // All of them, four times a second: ten thousand take well under a millisecond.
  for (std::size_t slot = 0; slot < connections_.size(); ++slot)
    if (connections_[slot])
      check_deadlines(*connections_[slot], now);
  if (phase_ != phase::draining)
    acceptor_.update(has_room()); // descriptors come and go by other hands, too
}

void server::check_deadlines(connection& c, instant now) {
  if (c.unsent > 0 && now - c.written_at >= options_.limits.write_timeout) {
    drop(c);
    return;
  }
  switch (c.state) {
  case connection::mode::open:
    check_open(c, now);
    break;
  case connection::mode::streaming: // its owner sends heartbeats, the write time-out watches it
  case connection::mode::closing:
    break;
  case connection::mode::lingering:
    if (now - c.lingering_since >= options_.limits.linger_timeout)
      drop(c);
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
    return drop(c);
  // One that is paused has its request here: it waits for us.
  bool is_reading = c.reader.in_request() && !c.is_paused;
  if (is_reading && waited >= (c.reader.in_body() ? limits.body_timeout : limits.header_timeout)) {
    refuse(c, {errc::request_timeout, "the request did not arrive in time"});
  } else if (c.is_idle() && (waited >= limits.idle_timeout || now >= drain_idle_until_)) {
    linger(c);
  } else if (now >= drain_until_ && c.exchanges.empty()) {
    refuse(c, {errc::draining, "the service is stopping"});
  }
  mark_dirty(c);
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
    problem(c, *x, {is_starting ? errc::starting : errc::deadline_exceeded, std::move(detail)}, {});
  }
}

void server::refresh_date() {
  auto now = options_.wall_clock();
  auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (std::exchange(date_second_, second) != second)
    date_ = to_http_date(now);
}

} // namespace portcullis::http
