#include "http/server/server.hpp"

#include "http/problem.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>

/// From an answer to the socket.
namespace portcullis::http {

namespace {

constexpr std::size_t kept_buffer_bytes = std::size_t{16} * 1024; // a larger answer's buffer is given back

void clear_or_give_back(byte_buffer& buffer) {
  if (buffer.capacity() > kept_buffer_bytes)
    byte_buffer{}.swap(buffer);
  else
    buffer.clear();
}

} // namespace

response_context server::context_of(const exchange& x) const {
  response_context ctx;
  ctx.request_id = x.request_id;
  ctx.date = date_;
  ctx.keep_alive = x.keep_alive;
  ctx.is_head = x.is_head;
  ctx.is_http_1_0 = x.is_http_1_0;
  return ctx;
}

/// The whole response has been appended. `x` may be gone after it.
void server::complete(connection& c, exchange& x, int status) {
  auto now = options_.now();
  x.status = status;
  numbers_.count(x, now);
  c.reading_since = now;
  c.finish(x);
  mark_dirty(c);
}

void server::problem(connection& c, exchange& x, const failure& why, std::string_view allow) {
  auto status = describe(why.code).status;
  append_problem(c.response_of(x), context_of(x), why, allow);
  if (x.span && status >= 500)
    x.span.fail(to_string(why.code));
  complete(c, x, status);
}

void server::mark_dirty(connection& c) {
  assert(depth_ > 0);
  if (std::exchange(c.is_dirty, true))
    return;
  dirty_.push_back({c.handle.id(), c.generation, 0});
}

/// Sends what was appended. To go on with input that had to wait can append more, so the list may grow meanwhile.
void server::end_turn() noexcept {
  depth_ = 1;
  try {
    std::size_t done = 0;
    do {
      if (on_turn_end_)
        on_turn_end_();
      for (; done < dirty_.size(); ++done) {
        auto* c = find(dirty_[done]);
        if (c == nullptr)
          continue;
        c->is_dirty = false;
        flush(*c);
      }
      if (on_turn_end_)
        on_turn_end_();
    } while (done < dirty_.size());
  } catch (const std::exception& e) {
    // Those that are left are found by their deadlines.
    log::error("answers could not be sent", {{"reason", e.what()}});
    for (auto& which : dirty_)
      if (auto* c = find(which))
        c->is_dirty = false;
  }
  dirty_.clear();
  deferred_deletes_.clear();
  depth_ = 0;
}

void server::flush(connection& c) {
  if (c.state == connection::mode::lingering)
    return;
  auto* bytes = &c.out;
  if (c.transport) {
    bytes = &c.wire;
    if (!c.out.empty() && c.transport->is_established()) {
      auto done = c.transport->send({c.out.data(), c.out.size()}, c.wire);
      clear_or_give_back(c.out);
      if (!done)
        return drop(c);
    }
    if (c.state == connection::mode::closing && c.out.empty())
      c.transport->close(c.wire);
  }
  if (!bytes->empty()) {
    if (c.unsent == 0 && !send_now(c, *bytes))
      return;
    if (!bytes->empty()) {
      if (c.unsent == 0)
        c.written_at = options_.now();
      c.unsent += bytes->size();
      auto& buffer = broker_->wr_buf(c.handle);
      buffer.insert(buffer.end(), bytes->begin(), bytes->end());
      broker_->flush(c.handle);
    }
    clear_or_give_back(*bytes);
  }
  account(c);
  settle(c);
}

/// Hands the buffer to the kernel at once, which saves the two epoll_ctl calls and the turn of the loop
/// that a write through CAF costs. What the kernel does not take stays in the buffer. False: the connection broke.
bool server::send_now(connection& c, byte_buffer& bytes) {
  auto taken = options_.calls->send(c.handle.id(), bytes.data(), bytes.size());
  if (taken < 0) {
    drop(c);
    return false;
  }
  bytes.erase(bytes.begin(), bytes.begin() + taken);
  return true;
}

/// What is to be done once the buffer is on its way: end a connection that is finished, go on reading one
/// that was paused.
void server::settle(connection& c) {
  c.check_invariants();
  if (c.state == connection::mode::closing && c.out.empty() && c.unsent == 0) {
    linger(c);
  } else if (c.state == connection::mode::open && c.is_paused && c.takes_requests && !c.is_blocked()
             && c.exchanges.size() <= options_.limits.pipelined_max / 2
             && c.unsent + c.out.size() <= options_.limits.unsent_bytes_max / 2) {
    resume(c);
  }
}

void server::account(connection& c) noexcept {
  if (at_descriptor(c.handle.id()) != &c)
    return; // it has gone
  auto held = c.held_bytes();
  held_bytes_ += held - c.accounted_bytes; // unsigned: wraps and comes back
  c.accounted_bytes = held;
}

} // namespace portcullis::http
