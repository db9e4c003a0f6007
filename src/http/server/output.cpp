#include "http/server/output.hpp"

#include "http/problem.hpp"
#include "http/server/request_span.hpp"
#include "telemetry/log.hpp"

#include <cassert>
#include <chrono>
#include <exception>
#include <utility>

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

output::output(caf::io::abstract_broker* broker, connections& all, std::shared_ptr<sockets> calls,
               std::function<instant()> now, std::function<timestamp()> wall_clock)
  : broker_(broker), all_(all), calls_(std::move(calls)), now_(std::move(now)),
    wall_clock_(std::move(wall_clock)) {
  refresh_date();
}

response_context output::context_of(const exchange& x) const {
  response_context ctx;
  ctx.request_id = x.request_id;
  ctx.date = date_;
  ctx.keep_alive = x.keep_alive;
  ctx.is_head = x.is_head;
  ctx.is_http_1_0 = x.is_http_1_0;
  return ctx;
}

void output::complete(connection& c, exchange& x, int status) {
  auto now = now_();
  x.status = status;
  finish_span_of(x);
  numbers.count(x, now);
  accesses.note(x, now);
  if (x.asker != 0 && on_answer)
    on_answer(x.asker, status);
  c.reading_since = now;
  c.finish(x);
  mark_dirty(c);
}

void output::problem(connection& c, exchange& x, const failure& why, std::string_view allow,
                     const std::vector<extra_header>& extra) {
  auto status = describe(why.code).status;
  append_problem(c.response_of(x), context_of(x), why, allow, extra);
  if (status >= 500) {
    x.span.fail(to_string(why.code));
    failures_.note(why, x.to == nullptr ? "none" : x.to->name, x.request_id, now_());
  }
  complete(c, x, status);
}

void output::mark_dirty(connection& c) {
  assert(depth_ > 0);
  if (std::exchange(c.is_dirty, true))
    return;
  dirty_.push_back({c.handle.id(), c.generation, 0});
}

/// Sends what was appended. To go on with input that had to wait can append more, so the list may grow meanwhile.
void output::send_all() noexcept {
  depth_ = 1;
  try {
    std::size_t done = 0;
    std::size_t known = 0;
    do {
      if (on_turn_end)
        on_turn_end();
      known = dirty_.size();
      for (; done < dirty_.size(); ++done) {
        auto* c = all_.find(dirty_[done]);
        if (c == nullptr)
          continue;
        c->is_dirty = false;
        flush(*c);
      }
    } while (done > known); // input that had to wait was looked at: it may have left something to collect
  } catch (const std::exception& e) {
    // Those that are left are found by their deadlines.
    log::error("answers could not be sent", {{"reason", e.what()}});
    for (auto& which : dirty_)
      if (auto* c = all_.find(which))
        c->is_dirty = false;
  }
  dirty_.clear();
  all_.delete_removed();
  depth_ = 0;
  turns_.observe(now_() - turn_began_);
}

void output::flush(connection& c) {
  if (c.state == connection::mode::lingering)
    return;
  if (c.transport && !encrypt(c))
    return;
  auto& bytes = c.transport ? c.wire : c.out;
  if (!bytes.empty()) {
    if (c.unsent == 0 && !send_now(c, bytes))
      return;
    if (!bytes.empty()) {
      if (c.unsent == 0)
        c.written_at = now_();
      c.unsent += bytes.size();
      auto& buffer = broker_->wr_buf(c.handle);
      buffer.insert(buffer.end(), bytes.begin(), bytes.end());
      broker_->flush(c.handle);
    }
    clear_or_give_back(bytes);
  }
  all_.account(c);
  c.check_invariants();
  on_flushed(c);
}

/// From plain bytes to the wire's. False: the transport has failed, and the connection is gone.
bool output::encrypt(connection& c) {
  if (!c.out.empty() && c.transport->is_established()) {
    auto done = c.transport->send({c.out.data(), c.out.size()}, c.wire);
    clear_or_give_back(c.out);
    if (!done) {
      all_.drop(c);
      return false;
    }
  }
  if (c.state == connection::mode::closing && c.out.empty())
    c.transport->close(c.wire);
  return true;
}

/// Hands the buffer to the kernel at once, which saves the two epoll_ctl calls and the turn of the loop
/// that a write through CAF costs. What the kernel does not take stays in the buffer. False: the connection broke.
bool output::send_now(connection& c, byte_buffer& bytes) {
  auto taken = calls_->send(c.handle.id(), bytes.data(), bytes.size());
  if (taken < 0) {
    all_.drop(c);
    return false;
  }
  bytes.erase(bytes.begin(), bytes.begin() + taken);
  return true;
}

void output::refresh_date() {
  auto now = wall_clock_();
  auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (std::exchange(date_second_, second) != second)
    date_ = to_http_date(now);
}

} // namespace portcullis::http
