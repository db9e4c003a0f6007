#include "http/server/server.hpp"

#include "core/failpoint.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace portcullis::http {

server::server(caf::io::abstract_broker* broker, server_options opts)
  : options_(std::move(opts)), acceptor_(broker, options_.listen),
    connections_(broker, options_.calls, options_.now),
    output_(broker, connections_, options_.calls, options_.now, options_.wall_clock),
    input_(*this, options_.limits, connections_, output_, options_.request_id_seed) {
  connections_.on_removed([this] {
    update_acceptor();
    finish_drain();
  });
  output_.accesses = access_log{options_.access};
  output_.on_flushed = [this](connection& c) { settle(c); };
}

void server::routes_are_complete() {
  output_.numbers.size_for(input_.routes.routes().size());
}

void server::on_turn_end(std::function<void()> then) {
  output_.on_turn_end = std::move(then);
}

void server::on_request(gate is_let_pass) {
  input_.is_let_pass = std::move(is_let_pass);
}

void server::on_handshake(std::function<bool(std::string_view address)> is_let_in) {
  is_handshake_let_in_ = std::move(is_let_in);
}

void server::on_answer(std::function<void(std::uint64_t asker, int status)> tell) {
  output_.on_answer = std::move(tell);
}

void server::update_acceptor() {
  if (phase_ != phase::draining)
    acceptor_.update(connections_.size() < options_.limits.connections_max + options_.limits.turned_away_max);
}

void server::accept(caf::io::accept_handle from, caf::io::connection_handle handle) {
  turn t{*this};
  auto& c = connections_.add(handle, options_.limits);
  ++accepted_;
  c.acceptor = acceptor_.index_of(from);
  if (is_handshake_let_in_ && acceptor_.has_transport(c.acceptor) && !is_handshake_let_in_(c.address))
    return connections_.drop(c);
  c.transport = acceptor_.make_transport(c.acceptor);
  if (connections_.size() > options_.limits.connections_max && !fails(failpoint::connection_bound)) {
    ++turned_away_;
    input_.refuse(c, {errc::connection_limit, "too many connections"});
  }
  update_acceptor();
}

void server::receive(caf::io::connection_handle handle, std::string_view bytes) {
  auto* c = connections_.at(handle.id());
  if (c == nullptr)
    return;
  turn t{*this};
  switch (c->state) {
  case connection::mode::open:
    input_.take(*c, bytes);
    connections_.account(*c);
    break;
  case connection::mode::streaming:
  case connection::mode::closing:
    break;
  case connection::mode::lingering:
    c->discarded += bytes.size();
    if (c->discarded > options_.limits.linger_bytes_max)
      connections_.drop(*c);
    break;
  }
}

void server::transferred(const caf::io::data_transferred_msg& msg) {
  auto* c = connections_.at(msg.handle.id());
  if (c == nullptr)
    return;
  turn t{*this};
  c->unsent = static_cast<std::size_t>(msg.remaining);
  c->written_at = options_.now();
  connections_.account(*c);
  if (c->state == connection::mode::streaming && c->unsent == 0)
    c->events->drained();
  output_.mark_dirty(*c);
}

void server::closed(caf::io::connection_handle handle) {
  turn t{*this};
  if (auto* c = connections_.at(handle.id()))
    connections_.remove(*c);
}

/// What is to be done once the answers are on their way: end a connection that is finished, go on reading one
/// that was paused.
void server::settle(connection& c) {
  auto& limits = options_.limits;
  if (c.state == connection::mode::closing && c.out.empty() && c.unsent == 0) {
    connections_.linger(c);
  } else if (c.state == connection::mode::open && c.is_paused && c.takes_requests && !c.is_blocked()
             && c.exchanges.size() <= limits.pipelined_max / 2
             && c.unsent + c.out.size() <= limits.unsent_bytes_max / 2) {
    input_.resume(c);
  }
}

void server::serve() {
  if (phase_ != phase::starting)
    return;
  phase_ = phase::serving;
  turn t{*this};
  input_.run_parked();
}

void server::announce_stop() {
  if (phase_ == phase::starting || phase_ == phase::serving)
    phase_ = phase::leaving;
}

void server::drain(std::chrono::nanoseconds grace, std::function<void()> done) {
  turn t{*this};
  phase_ = phase::draining;
  drain_until_ = options_.now() + grace;
  drain_idle_until_ = options_.now() + std::min(grace, options_.limits.drain_idle_max);
  drained_ = std::move(done);
  acceptor_.drop_newcomers();
  connections_.for_each([this](connection& c) {
    if (c.state == connection::mode::streaming) {
      c.state = connection::mode::closing;
      output_.mark_dirty(c);
    } else if (!c.exchanges.empty()) {
      // The last that has arrived is the last of its connection.
      bool has_more = c.reader.in_request() || !c.backlog.empty();
      auto& last = c.exchanges.back();
      last.keep_alive = last.keep_alive && has_more;
    }
  });
  finish_drain();
}

void server::close_door() {
  if (phase_ != phase::draining || acceptor_.is_closed())
    return;
  turn t{*this};
  acceptor_.close([this](auto from, auto handle) { accept(from, handle); });
  finish_drain();
}

void server::finish_drain() {
  if (drained_ && acceptor_.is_closed() && connections_.size() == 0)
    std::exchange(drained_, nullptr)();
}

/// Counted when asked for, so that a request costs nothing for it. A kind of which something was answered is told
/// as 0 when none is active: were it left out, a collector would go on with its last number.
void server::add_active_requests(metrics::snapshot& s) const {
  std::map<std::pair<verb, bool>, std::size_t> active;
  for (auto& kind : output_.numbers.kinds())
    active[kind] = 0;
  connections_.for_each([&](const connection& c) {
    for (auto& x : c.exchanges)
      if (!x.is_answered)
        ++active[{x.method, x.is_tls}];
  });
  for (auto& [kind, count] : active)
    s.add("http_server_active_requests", count,
          {{"http.request.method", std::string{method_name(kind.first)}},
           {"url.scheme", kind.second ? "https" : "http"}});
}

void server::add_to(metrics::snapshot& s) const {
  output_.numbers.add_to(s, input_.routes);
  add_active_requests(s);
  s.add("portcullis_io_turn_duration_seconds", output_.turns());
  s.add("portcullis_http_connections", connections_.size());
  s.add("portcullis_http_connections_accepted_total", accepted_);
  s.add("portcullis_http_connections_total", accepted_);
  s.add("portcullis_http_connections_refused_total", turned_away_);
  s.add("portcullis_http_requests_refused_total", input_.count.refused);
  s.add("portcullis_http_held_bytes", connections_.held_bytes());
  s.add("portcullis_http_requests_short_of_memory_total", input_.count.short_of_memory);
  s.add("portcullis_tls_handshakes_total", input_.count.handshakes, {{"outcome", "ok"}});
  s.add("portcullis_tls_handshakes_total", input_.count.handshakes_failed, {{"outcome", "failed"}});
}

} // namespace portcullis::http
