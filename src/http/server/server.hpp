#pragma once

#include "core/time.hpp"
#include "http/router.hpp"
#include "http/server/acceptor.hpp"
#include "http/server/connection.hpp"
#include "http/server/limits.hpp"
#include "http/server/request_numbers.hpp"
#include "http/server/sockets.hpp"
#include "telemetry/metrics.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/scribe.hpp>
#include <caf/io/system_messages.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::http {

struct server_options {
  server_limits limits;
  std::vector<listening> listen;
  std::uint64_t request_id_seed = 0;
  std::function<instant()> now = boot_clock::now;
  std::function<timestamp()> wall_clock = wall_clock_now;
  std::shared_ptr<sockets> calls = std::make_shared<sockets>();
};

/// An HTTP/1.1 server on a CAF broker: connections and their deadlines, requests and answers in their order, the
/// drain. It knows no route and no session; whoever owns it adds the routes and passes the broker's events on.
/// Everything runs on the broker's thread.
///
/// What answers a request may do so at once or later, through a `responder`. Answers are collected while an event
/// is handled (a `turn`) and go to the kernel at its end, one `send` for each connection.
class server {
public:
  enum class phase : std::uint8_t {
    starting, // requests wait, but for the early routes
    serving,
    leaving,  // a stop is announced: all is served, answers say `Connection: close`
    draining, // no connection is accepted, what has begun is finished
  };

  server(caf::io::abstract_broker* broker, server_options opts);

  /// For the routes to be added before the first event.
  http::router& routes() noexcept {
    return routes_;
  }
  void routes_are_complete();

  /// Called at the end of each turn, before answers go out: for what was collected meanwhile.
  void on_turn_end(std::function<void()> then) {
    on_turn_end_ = std::move(then);
  }

  // -- the broker's events

  void accept(caf::io::accept_handle from, caf::io::connection_handle handle);
  void receive(caf::io::connection_handle handle, std::string_view input);
  void transferred(const caf::io::data_transferred_msg& msg);
  void closed(caf::io::connection_handle handle);
  void tick();

  // -- phases

  void serve();
  void announce_stop();

  /// Finishes what has begun within `grace`, ends the rest after it, and calls `done` once no connection is left.
  void drain(std::chrono::nanoseconds grace, std::function<void()> done);

  phase at() const noexcept {
    return phase_;
  }

  instant now() const {
    return options_.now();
  }

  void add_to(metrics::snapshot& s) const;

  /// Whether all connections together hold more than they may: whoever can give way should.
  bool is_short_of_memory() const noexcept {
    return held_bytes_ > options_.limits.held_bytes_max;
  }

  /// Collects answers until the outermost one ends.
  class turn {
  public:
    explicit turn(server& s) : server_(s) {
      ++server_.depth_;
    }
    ~turn() {
      if (--server_.depth_ == 0)
        server_.end_turn();
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    server& server_;
  };

private:
  friend class responder;
  friend class connection_stream;

  // server.cpp: connections come and go
  connection* at_descriptor(std::int64_t descriptor) const noexcept;
  connection* find(const ticket& to) const noexcept;
  std::pair<connection*, exchange*> find_exchange(const ticket& to) const noexcept;
  void linger(connection& c);
  void drop(connection& c);
  void finish_drain();
  bool has_room() const noexcept;

  // input.cpp: from bytes to a request and its handler
  void take_input(connection& c, std::string_view wire);
  void process(connection& c, std::string_view input);
  void pause(connection& c, std::string_view rest);
  void resume(connection& c);
  exchange& begin(connection& c, const request& r, const route* to, instant now);
  void dispatch(connection& c, const request& r, instant now);
  void run(connection& c, exchange& x, const request& r, const path_params& params);
  void refuse(connection& c, const failure& why);

  // output.cpp: from an answer to the socket
  template <class Write>
  void respond(const ticket& to, int status, Write&& write);
  response_context context_of(const exchange& x) const;
  void complete(connection& c, exchange& x, int status);
  void problem(connection& c, exchange& x, const failure& why, std::string_view allow);
  void mark_dirty(connection& c);
  void end_turn() noexcept;
  void flush(connection& c);
  bool send_now(connection& c, byte_buffer& bytes);
  void settle(connection& c);
  void account(connection& c) noexcept;

  // deadlines.cpp
  void check_deadlines(connection& c, instant now);
  void check_open(connection& c, instant now);
  void answer_late(connection& c, instant now);
  void refresh_date();

  caf::io::abstract_broker* broker_;
  server_options options_;
  http::router routes_;
  acceptor acceptor_;
  request_numbers numbers_;
  phase phase_ = phase::starting;
  instant drain_until_ = instant::max();
  instant drain_idle_until_ = instant::max();
  std::function<void()> drained_;
  std::function<void()> on_turn_end_;
  int depth_ = 0;
  std::vector<std::unique_ptr<connection>> connections_;      // by descriptor
  std::vector<std::unique_ptr<connection>> deferred_deletes_; // gone while a handler may still look at them
  std::vector<ticket> dirty_;                                 // connections with something to send
  std::vector<ticket> parked_;                                // requests that wait for the service to start
  std::size_t connection_count_ = 0;
  std::size_t held_bytes_ = 0;
  std::uint64_t next_generation_ = 1;
  std::uint64_t next_request_;
  std::string date_;
  std::int64_t date_second_ = -1;
  struct counters {
    std::uint64_t accepted = 0;
    std::uint64_t turned_away = 0;
    std::uint64_t refused_requests = 0;
    std::uint64_t short_of_memory = 0;
  } count_;
};

template <class Write>
void server::respond(const ticket& to, int status, Write&& write) {
  turn t{*this};
  auto [c, x] = find_exchange(to);
  if (x == nullptr)
    return;
  write(c->response_of(*x), context_of(*x));
  complete(*c, *x, status);
}

template <class Write>
void responder::write(int status, Write&& write) const {
  if (server_ != nullptr)
    server_->respond(ticket_, status, std::forward<Write>(write));
}

} // namespace portcullis::http
