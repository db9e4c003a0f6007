#include "http/server/server.hpp"

#include "core/failpoint.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

/// Connections come and go, and so does the server.
namespace portcullis::http {

namespace {

constexpr std::size_t read_bytes_max = 4096; // taken from a socket at a time

} // namespace

server::server(caf::io::abstract_broker* broker, server_options opts)
  : broker_(broker), options_(std::move(opts)), acceptor_(broker, options_.listen),
    next_request_(options_.request_id_seed) {
  refresh_date();
}

void server::routes_are_complete() {
  numbers_.size_for(routes_.routes().size());
}

connection* server::at_descriptor(std::int64_t descriptor) const noexcept {
  auto slot = static_cast<std::size_t>(descriptor);
  return slot < connections_.size() ? connections_[slot].get() : nullptr;
}

connection* server::find(const ticket& to) const noexcept {
  auto* c = at_descriptor(to.connection);
  if (c == nullptr || (c->generation != to.generation && !fails(failpoint::connection_generation)))
    return nullptr;
  return c;
}

std::pair<connection*, exchange*> server::find_exchange(const ticket& to) const noexcept {
  auto* c = find(to);
  return {c, c != nullptr ? c->find_exchange(to.exchange) : nullptr};
}

bool server::has_room() const noexcept {
  return connection_count_ < options_.limits.connections_max + options_.limits.turned_away_max;
}

void server::accept(caf::io::accept_handle from, caf::io::connection_handle handle) {
  turn t{*this};
  auto slot = static_cast<std::size_t>(handle.id());
  if (slot >= connections_.size())
    connections_.resize(slot + 1);
  auto& limits = options_.limits;
  connections_[slot] = std::make_unique<connection>(handle, next_generation_++, limits.reader, options_.now());
  ++connection_count_;
  ++count_.accepted;
  auto& c = *connections_[slot];
  c.acceptor = acceptor_.index_of(from);
  c.transport = acceptor_.make_transport(c.acceptor);
  broker_->configure_read(handle, caf::io::receive_policy::at_most(read_bytes_max));
  broker_->ack_writes(handle, true);
  // Without it a peer that takes nothing could hold a closed connection's last bytes, and its descriptor, for
  // ever.
  options_.calls->set_write_timeout(
    handle.id(), std::chrono::duration_cast<std::chrono::milliseconds>(limits.write_timeout).count());
  if (connection_count_ > limits.connections_max && !fails(failpoint::connection_bound)) {
    ++count_.turned_away;
    refuse(c, {errc::connection_limit, "too many connections"});
  }
  acceptor_.update(has_room());
}

void server::receive(caf::io::connection_handle handle, std::string_view input) {
  auto* c = at_descriptor(handle.id());
  if (c == nullptr)
    return;
  turn t{*this};
  switch (c->state) {
  case connection::mode::open:
    take_input(*c, input);
    account(*c);
    break;
  case connection::mode::streaming:
  case connection::mode::closing:
    break;
  case connection::mode::lingering:
    c->discarded += input.size();
    if (c->discarded > options_.limits.linger_bytes_max)
      drop(*c);
    break;
  }
}

void server::transferred(const caf::io::data_transferred_msg& msg) {
  auto* c = at_descriptor(msg.handle.id());
  if (c == nullptr)
    return;
  turn t{*this};
  c->unsent = static_cast<std::size_t>(msg.remaining);
  c->written_at = options_.now();
  account(*c);
  if (c->state == connection::mode::streaming && c->unsent == 0)
    c->events->drained();
  mark_dirty(*c);
}

/// Shuts our side and reads on until the peer has closed: closing with unread input would reset the
/// connection, and the reset can overtake the answer (RFC 9112, section 9.6).
void server::linger(connection& c) {
  options_.calls->shut_down(c.handle.id(), false);
  c.state = connection::mode::lingering;
  c.lingering_since = options_.now();
  if (std::exchange(c.is_halted, false))
    broker_->trigger(c.handle);
}

/// Ends the connection at once, whatever is unsent.
void server::drop(connection& c) {
  auto handle = c.handle;
  options_.calls->shut_down(handle.id(), true);
  broker_->close(handle);
  closed(handle);
}

void server::closed(caf::io::connection_handle handle) {
  auto* c = at_descriptor(handle.id());
  if (c == nullptr)
    return;
  turn t{*this};
  c->state = connection::mode::lingering; // for a handler that still looks at it
  held_bytes_ -= std::exchange(c->accounted_bytes, 0);
  deferred_deletes_.push_back(std::move(connections_[static_cast<std::size_t>(handle.id())]));
  --connection_count_;
  if (auto events = std::move(c->events))
    events->ended();
  if (phase_ != phase::draining)
    acceptor_.update(has_room());
  finish_drain();
}

void server::serve() {
  if (phase_ != phase::starting)
    return;
  phase_ = phase::serving;
  turn t{*this};
  for (auto& waiting : std::exchange(parked_, {})) {
    auto [c, x] = find_exchange(waiting);
    if (x == nullptr)
      continue;
    auto parked = std::move(x->parked);
    auto found = routes_.find(parked->get().method, parked->get().path);
    run(*c, *x, parked->get(), found.params);
    mark_dirty(*c); // goes on reading
  }
}

void server::announce_stop() {
  if (phase_ == phase::starting || phase_ == phase::serving)
    phase_ = phase::leaving;
}

void server::drain(std::chrono::nanoseconds grace, std::function<void()> done) {
  phase_ = phase::draining;
  drain_until_ = options_.now() + grace;
  drain_idle_until_ = options_.now() + std::min(grace, options_.limits.drain_idle_max);
  drained_ = std::move(done);
  acceptor_.close();
  turn t{*this};
  for (auto& c : connections_)
    if (c && c->state == connection::mode::streaming) {
      c->state = connection::mode::closing;
      mark_dirty(*c);
    } else if (c && !c->exchanges.empty()) {
      // The last that has arrived is the last of its connection.
      bool has_more = c->reader.in_request() || !c->backlog.empty();
      auto& last = c->exchanges.back();
      last.keep_alive = last.keep_alive && has_more;
    }
  finish_drain();
}

void server::finish_drain() {
  if (drained_ && connection_count_ == 0)
    std::exchange(drained_, nullptr)();
}

void server::add_to(metrics::snapshot& s) const {
  numbers_.add_to(s, routes_);
  s.gauge("portcullis_http_connections", "Open connections.", connection_count_);
  s.counter("portcullis_http_connections_total", "Connections accepted.", count_.accepted);
  s.counter("portcullis_http_connections_refused_total", "Connections turned away at the limit.",
            count_.turned_away);
  s.counter("portcullis_http_requests_refused_total", "Requests that were no valid HTTP or came too slowly.",
            count_.refused_requests);
  s.gauge("portcullis_http_held_bytes", "Input and output held in memory for connections.", held_bytes_);
  s.counter("portcullis_http_requests_short_of_memory_total",
            "Requests turned away because connections held more than they may.", count_.short_of_memory);
}

} // namespace portcullis::http
