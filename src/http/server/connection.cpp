#include "http/server/connection.hpp"

#include <cassert>
#include <utility>

namespace portcullis::http {

connection::connection(caf::io::connection_handle h, std::uint64_t g, const reader_limits& limits, instant now)
  : handle(h), generation(g), reader(limits), reading_since(now) {}

exchange& connection::begin_exchange() {
  auto& x = exchanges.emplace_back();
  x.id = next_exchange_++;
  return x;
}

exchange* connection::find_exchange(std::uint64_t id) noexcept {
  if (exchanges.empty() || id < exchanges.front().id)
    return nullptr;
  auto offset = id - exchanges.front().id;
  if (offset >= exchanges.size() || exchanges[offset].is_answered)
    return nullptr;
  return &exchanges[offset];
}

bool connection::is_first(const exchange& x) const noexcept {
  return &x == &exchanges.front();
}

byte_buffer& connection::response_of(exchange& x) noexcept {
  return is_first(x) ? out : x.response;
}

void connection::finish(exchange& x) {
  x.is_answered = true;
  waiting_bytes_ += x.response.size();
  auto next = exchanges.begin();
  for (; next != exchanges.end() && next->is_answered; ++next) {
    out.insert(out.end(), next->response.begin(), next->response.end());
    waiting_bytes_ -= next->response.size();
    if (!next->keep_alive) {
      // Whatever was pipelined behind it is not answered (RFC 9112, section 9.6).
      state = mode::closing;
      next = exchanges.end();
      waiting_bytes_ = 0;
      break;
    }
  }
  exchanges.erase(exchanges.begin(), next);
}

bool connection::is_blocked() const noexcept {
  if (exchanges.empty() || exchanges.back().is_answered)
    return false;
  auto& last = exchanges.back();
  return last.parked != nullptr || (last.to != nullptr && !has(last.to->traits, trait::pipelined));
}

bool connection::is_idle() const noexcept {
  return !reader.in_request() && exchanges.empty() && unsent == 0 && out.empty() && backlog.empty();
}

void connection::note_reading(instant now) noexcept {
  bool in_request = reader.in_request();
  bool in_body = reader.in_body();
  if (in_request != was_in_request_ || in_body != was_in_body_)
    reading_since = now;
  was_in_request_ = in_request;
  was_in_body_ = in_body;
}

std::size_t connection::held_bytes() const noexcept {
  return out.size() + wire.size() + unsent + backlog.size() + waiting_bytes_ + reader.buffered_bytes();
}

void connection::check_invariants() const {
#ifndef NDEBUG
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    assert(exchanges[i].id == exchanges.front().id + i);
    assert(!exchanges[i].is_answered || i > 0); // an answered one at the front would have gone out
    waiting += exchanges[i].is_answered ? exchanges[i].response.size() : 0;
  }
  assert(waiting == waiting_bytes_);
  assert(exchanges.empty() || exchanges.back().id + 1 == next_exchange_);
  assert(!is_halted || is_paused || state != mode::open);
  assert((state == mode::streaming) == (events != nullptr) || state == mode::closing || state == mode::lingering);
#endif
}

} // namespace portcullis::http
