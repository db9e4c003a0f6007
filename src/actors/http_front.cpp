#include "actors/http_front.hpp"

#include "actors/guard.hpp"
#include "net/listener.hpp"
#include "core/failpoint.hpp"
#include "http/event_stream.hpp"
#include "telemetry/log.hpp"

#include <caf/io/typed_broker.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace portcullis {

namespace {

constexpr std::size_t read_bytes_max = 4096;         // taken from a socket at a time
constexpr std::size_t kept_buffer_bytes = 16 * 1024; // a larger answer's buffer is given back

} // namespace

void http_front_state::init(self_pointer owner, http_front_options opts, http_front_peers others) {
  self_ = owner;
  options_ = std::move(opts);
  peers_ = std::move(others);
  ring_ = event_ring{options_.ring_events_max};
  next_request_ = options_.request_id_seed;
  refresh_date();
  if (options_.listener >= 0)
    acceptor_ = self_->add_doorman(options_.listener);
}

// -- the life of a connection ------------------------------------------------------------------------------

void http_front_state::accept(caf::io::connection_handle handle) {
  deferred_deletes_.clear();
  auto slot = static_cast<std::size_t>(handle.id());
  if (slot >= connections_.size())
    connections_.resize(slot + 1);
  connections_[slot] = std::make_unique<http_connection>(handle, next_generation_++, options_.reader);
  ++connection_count_;
  ++accepted_;
  auto& c = *connections_[slot];
  c.reading_since = options_.now();
  self_->configure_read(handle, caf::io::receive_policy::at_most(read_bytes_max));
  self_->ack_writes(handle, true);
  if (options_.sends_eagerly) {
    // Without it a peer that takes nothing could hold a closed connection's last bytes, and its descriptor, for
    // ever.
    auto ms =
      static_cast<unsigned>(std::chrono::duration_cast<std::chrono::milliseconds>(options_.write_timeout).count());
    ::setsockopt(static_cast<int>(handle.id()), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
  }
  if (connection_count_ > options_.connections_max && !fails(failpoint::connection_bound)) {
    ++turned_away_;
    refuse(c, {errc::connection_limit, "too many connections"});
    flush(c);
  }
  update_acceptor();
}

/// Stops accepting when even those to be turned away have no room, or when no descriptor is left whoever took
/// them: CAF does not tell of an accept that failed and tries again at once, for ever. The rest waits in the
/// kernel's backlog.
void http_front_state::update_acceptor() {
  if (options_.listener < 0 || phase_ == service_phase::draining)
    return;
  bool is_below_bound = connection_count_ < options_.connections_max + options_.turned_away_max;
  bool has_room = (is_below_bound && has_spare_descriptor()) || fails(failpoint::connection_bound);
  if (has_room == accepts_)
    return;
  if (is_below_bound && !has_room)
    log::warn("no new connections: no file descriptor is left", {{"connections", connection_count_}});
  accepts_ = has_room;
  if (has_room)
    self_->trigger(acceptor_);
  else
    self_->halt(acceptor_);
}

void http_front_state::receive(caf::io::connection_handle handle, std::string_view input) {
  auto slot = static_cast<std::size_t>(handle.id());
  if (slot >= connections_.size() || !connections_[slot])
    return;
  auto& c = *connections_[slot];
  switch (c.state) {
  case http_connection::mode::open:
    if (c.is_halted)
      c.backlog.append(input);
    else
      process(c, input);
    break;
  case http_connection::mode::streaming:
  case http_connection::mode::closing:
    break;
  case http_connection::mode::lingering:
    c.discarded += input.size();
    if (c.discarded > options_.linger_bytes_max)
      drop(c);
    break;
  }
}

void http_front_state::process(http_connection& c, std::string_view input) {
  auto now = options_.now();
  for (bool more = true; more && c.takes_requests && c.state == http_connection::mode::open;) {
    if (c.exchanges.size() >= options_.pipelined_max || c.unsent + c.out.size() > options_.unsent_bytes_max) {
      c.backlog.assign(input);
      pause_reading(c);
      break;
    }
    switch (c.reader.read(input)) {
    case http::request_reader::status::need_more:
      more = false;
      break;
    case http::request_reader::status::want_continue:
      // With answers outstanding it would come out of order; the client goes on by itself then.
      if (c.exchanges.empty())
        http::append(c.out, http::continue_response);
      break;
    case http::request_reader::status::complete:
      c.reading_since = now;
      dispatch(c, c.reader.current(), now);
      break;
    case http::request_reader::status::failed:
      refuse(c, c.reader.error());
      break;
    }
  }
  check_reading(c, now);
  send_lookups(c);
  flush(c);
}

/// Starts the clock of the head when a request begins, and that of the body when its head is complete.
void http_front_state::check_reading(http_connection& c, instant now) {
  bool in_request = c.reader.in_request();
  bool in_body = c.reader.in_body();
  if (in_request != c.was_in_request || in_body != c.was_in_body)
    c.reading_since = now;
  c.was_in_request = in_request;
  c.was_in_body = in_body;
}

/// Answers what is not a request, or not to be served at all, and closes.
void http_front_state::refuse(http_connection& c, const failure& what) {
  ++refused_requests_;
  auto& x = begin_exchange(c, {}, http::route::none, options_.now());
  x.keep_alive = false;
  c.takes_requests = false;
  answer_problem(c, x, what);
}

void http_front_state::pause_reading(http_connection& c) {
  if (!std::exchange(c.is_halted, true))
    self_->halt(c.handle);
}

void http_front_state::resume_reading(http_connection& c) {
  if (!std::exchange(c.is_halted, false))
    return;
  self_->trigger(c.handle);
  auto backlog = std::exchange(c.backlog, {});
  process(c, backlog);
}

void http_front_state::flush(http_connection& c) {
  if (c.out.empty() || c.state == http_connection::mode::lingering) {
    settle(c);
    return;
  }
  if (c.unsent == 0 && options_.sends_eagerly && !send_now(c))
    return;
  if (!c.out.empty()) {
    if (c.unsent == 0)
      c.written_at = options_.now();
    c.unsent += c.out.size();
    auto& buffer = self_->wr_buf(c.handle);
    buffer.insert(buffer.end(), c.out.begin(), c.out.end());
    self_->flush(c.handle);
  }
  if (c.out.capacity() > kept_buffer_bytes)
    http::byte_buffer{}.swap(c.out);
  else
    c.out.clear();
  settle(c);
}

/// Hands the buffer to the kernel at once, which saves the two epoll_ctl calls and the turn of the loop
/// that a write through CAF costs. What the kernel does not take stays in the buffer. False: the connection broke.
bool http_front_state::send_now(http_connection& c) {
  auto taken = ::send(static_cast<int>(c.handle.id()), c.out.data(), c.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (taken < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
      return true;
    drop(c);
    return false;
  }
  c.out.erase(c.out.begin(), c.out.begin() + taken);
  return true;
}

/// What is to be done once the buffer is on its way: end a connection that is finished, go on reading one
/// that was paused.
void http_front_state::settle(http_connection& c) {
  if (c.state == http_connection::mode::closing && c.out.empty() && c.unsent == 0) {
    linger(c);
  } else if (c.state == http_connection::mode::open && c.is_halted && c.takes_requests
             && c.exchanges.size() <= options_.pipelined_max / 2
             && c.unsent + c.out.size() <= options_.unsent_bytes_max / 2) {
    resume_reading(c);
  }
}

/// Shuts our side and reads on until the peer has closed: closing with unread input would reset the
/// connection, and the reset can overtake the answer (RFC 9112, section 9.6).
void http_front_state::linger(http_connection& c) {
  if (options_.sends_eagerly)
    ::shutdown(static_cast<int>(c.handle.id()), SHUT_WR);
  c.state = http_connection::mode::lingering;
  c.lingering_since = options_.now();
  if (std::exchange(c.is_halted, false))
    self_->trigger(c.handle);
}

/// Ends the connection at once, whatever is unsent.
void http_front_state::drop(http_connection& c) {
  auto handle = c.handle;
  if (options_.sends_eagerly)
    ::shutdown(static_cast<int>(handle.id()), SHUT_RDWR);
  self_->close(handle);
  closed(handle);
}

void http_front_state::closed(caf::io::connection_handle handle) {
  auto slot = static_cast<std::size_t>(handle.id());
  if (slot >= connections_.size() || !connections_[slot])
    return;
  auto& c = *connections_[slot];
  if (c.subscription)
    --subscriber_count_;
  c.state = http_connection::mode::lingering; // for a handler that still looks at it
  deferred_deletes_.push_back(std::move(connections_[slot]));
  --connection_count_;
  update_acceptor();
  if (drained_ && connection_count_ == 0)
    std::exchange(drained_, std::nullopt)->deliver(applied{});
}

void http_front_state::transferred(const caf::io::data_transferred_msg& news) {
  auto slot = static_cast<std::size_t>(news.handle.id());
  if (slot >= connections_.size() || !connections_[slot])
    return;
  auto& c = *connections_[slot];
  c.unsent = static_cast<std::size_t>(news.remaining);
  c.written_at = options_.now();
  if (c.state == http_connection::mode::streaming)
    pump(c);
  else
    settle(c);
}

http_connection* http_front_state::find(std::int64_t connection, std::uint64_t generation) {
  auto slot = static_cast<std::size_t>(connection);
  if (slot >= connections_.size() || !connections_[slot])
    return nullptr;
  if (connections_[slot]->generation != generation && !fails(failpoint::connection_generation))
    return nullptr;
  return connections_[slot].get();
}

http_connection* http_front_state::find(const ticket& to) {
  return find(to.connection, to.generation);
}

// -- time --------------------------------------------------------------------------------------------------

void http_front_state::tick() {
  deferred_deletes_.clear();
  refresh_date();
  auto now = options_.now();
  // All of them, four times a second: ten thousand take well under a millisecond.
  for (std::size_t slot = 0; slot < connections_.size(); ++slot)
    if (connections_[slot])
      check_deadlines(*connections_[slot], now);
  expire_waiters(now);
  forget_gone_subscribers();
  update_acceptor(); // descriptors come and go by other hands, too
}

void http_front_state::check_deadlines(http_connection& c, instant now) {
  if (c.unsent > 0 && now - c.written_at >= options_.write_timeout) {
    drop(c);
    return;
  }
  switch (c.state) {
  case http_connection::mode::open: {
    // Answering the first that is late may complete others behind it, hence the search anew.
    auto late = [&] {
      return std::find_if(c.exchanges.begin(), c.exchanges.end(),
                          [&](auto& x) { return !x.is_answered && x.deadline <= now; });
    };
    for (auto x = late(); x != c.exchanges.end(); x = late())
      answer_problem(c, *x, {errc::database_unavailable, "the request took too long"});
    auto waited = now - c.reading_since;
    if (c.reader.in_request()
        && waited >= (c.reader.in_body() ? options_.body_timeout : options_.header_timeout)) {
      refuse(c, {errc::request_timeout, "the request did not arrive in time"});
    } else if (!c.reader.in_request() && c.exchanges.empty() && c.unsent == 0 && c.out.empty()
               && (waited >= options_.idle_timeout || phase_ == service_phase::draining)) {
      linger(c);
      return;
    }
    flush(c);
    break;
  }
  case http_connection::mode::streaming:
    if (now - c.subscription->last_written >= options_.heartbeat_interval && c.unsent == 0) {
      c.subscription->last_written = now;
      http::append_heartbeat(c.out);
      flush(c);
    }
    break;
  case http_connection::mode::closing:
    break; // the write time-out watches it
  case http_connection::mode::lingering:
    if (now - c.lingering_since >= options_.linger_timeout)
      drop(c);
    break;
  }
}

void http_front_state::refresh_date() {
  auto now = options_.wall_clock();
  auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (std::exchange(date_second_, second) != second)
    date_ = http::to_http_date(now);
}

void http_front_state::serve() {
  if (phase_ == service_phase::starting)
    phase_ = service_phase::serving;
}

caf::result<applied> http_front_state::drain() {
  phase_ = service_phase::draining;
  if (acceptor_ != caf::io::invalid_accept_handle)
    self_->close(acceptor_);
  for (auto& c : connections_)
    if (c) {
      // What is in flight is finished, and is the last of its connection.
      c->takes_requests = false;
      if (!c->exchanges.empty())
        c->exchanges.back().keep_alive = false;
    }
  end_streams();
  tick(); // ends the idle ones
  if (connection_count_ == 0)
    return applied{};
  drained_ = self_->make_response_promise<applied>();
  return *drained_;
}

// -- the behaviour -----------------------------------------------------------------------------------------

http_front_actor::behavior_type http_front(http_front_state::self_pointer self, http_front_options options,
                                           http_front_peers peers) {
  auto tick = options.tick;
  self->state.init(self, std::move(options), std::move(peers));
  self->delayed_send(self, tick, tick_atom_v);
  auto& state = self->state;
  return {
    [&state](const caf::io::new_connection_msg& news) { guard("accept", [&] { state.accept(news.handle); }); },
    [](const caf::io::acceptor_closed_msg&) { log::error("the listening socket was closed"); },
    [&state](const caf::io::new_data_msg& news) {
      guard("receive", [&] { state.receive(news.handle, {news.buf.data(), news.buf.size()}); });
    },
    [&state](const caf::io::connection_closed_msg& news) { guard("close", [&] { state.closed(news.handle); }); },
    [&state](const log_progress& news) { guard("log_progress", [&] { state.apply(news); }); return applied{}; },
    [&state](const epoch_changed& news) { guard("epoch_changed", [&] { state.apply(news); }); return applied{}; },
    [&state](const cache_warmed& news) { guard("cache_warmed", [&] { state.apply(news); }); return applied{}; },
    [&state](const caf::io::data_transferred_msg& news) {
      guard("transferred", [&] { state.transferred(news); });
    },
    [&state](const start_serving&) { state.serve(); },
    [&state](const drain_connections&) { return state.drain(); },
    [&state](const read_numbers&) { return state.read_all_numbers(); },
    [self, tick](tick_atom) {
      guard("tick", [&] { self->state.tick(); });
      self->delayed_send(self, tick, tick_atom_v);
    },
    [&state](step_atom) { guard("step", [&] { state.end_patience(); }); },
  };
}

} // namespace portcullis
