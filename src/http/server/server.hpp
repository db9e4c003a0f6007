#pragma once

#include "core/time.hpp"
#include "http/router.hpp"
#include "http/server/acceptor.hpp"
#include "http/server/connections.hpp"
#include "http/server/input.hpp"
#include "http/server/limits.hpp"
#include "http/server/output.hpp"
#include "http/server/sockets.hpp"
#include "telemetry/metrics.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/system_messages.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::http {

struct server_options {
  server_limits limits;
  std::vector<listening> listen;
  std::uint64_t request_id_seed = 0;
  access_mode access = access_mode::off;
  std::function<instant()> now = boot_clock::now;
  std::function<timestamp()> wall_clock = wall_clock_now;
  std::shared_ptr<sockets> calls = std::make_shared<sockets>();
};

/// An HTTP/1.1 server on a CAF broker. `connections` holds the clients, `input` makes requests of bytes and runs
/// their handlers, `output` sends the answers; here are the broker's events, the deadlines, the start and the
/// drain. It knows no route and no session: its owner adds the routes and passes the events on. Everything
/// runs on the broker's thread. What answers a request may do so at once or later, through a `responder`.
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
    return input_.routes;
  }
  void routes_are_complete();

  /// Called at the end of each turn, before answers go out: for what was collected meanwhile.
  void on_turn_end(std::function<void()> then);

  /// What looks at each request before its handler runs.
  void on_request(gate is_let_pass);

  /// Asked, with the peer's address, before anything is spent on a handshake: a connection that is not let in is
  /// closed. Those of listeners without a transport are not asked about.
  void on_handshake(std::function<bool(std::string_view address)> is_let_in);

  /// Told of each answer to a request of which that has noted who asks.
  void on_answer(std::function<void(std::uint64_t asker, int status)> tell);

  // -- the broker's events

  void accept(caf::io::accept_handle from, caf::io::connection_handle handle);
  void receive(caf::io::connection_handle handle, std::string_view bytes);
  void transferred(const caf::io::data_transferred_msg& msg);
  void closed(caf::io::connection_handle handle);
  void tick();

  // -- phases

  void serve();
  void announce_stop();

  /// Finishes what has begun within `grace`, ends the rest after it, and calls `done` once no connection is left.
  /// Nobody new comes in, but a handshake that has begun is a client whose request we would lose: `close_door` is
  /// to be called when `door_pause` has passed, and ends that.
  void drain(std::chrono::nanoseconds grace, std::function<void()> done);
  void close_door();
  static constexpr std::chrono::milliseconds door_pause{20}; // some round trips

  phase at() const noexcept {
    return phase_;
  }
  bool is_stopping() const noexcept {
    return phase_ == phase::leaving || phase_ == phase::draining;
  }

  instant now() const {
    return options_.now();
  }

  void add_to(metrics::snapshot& s) const;

  /// Collects answers until the outermost one ends.
  class turn {
  public:
    explicit turn(server& s) : output_(s.output_) {
      output_.begin_turn();
    }
    ~turn() {
      output_.end_turn();
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    output& output_;
  };

private:
  friend class responder;
  friend class connection_stream;

  void add_active_requests(metrics::snapshot& s) const;
  void settle(connection& c);
  void update_acceptor();
  void finish_drain();

  // deadlines.cpp
  void check_deadlines(connection& c, instant now);
  void check_open(connection& c, instant now);
  void answer_late(connection& c, instant now);

  server_options options_;
  acceptor acceptor_;
  connections connections_;
  output output_;
  input input_;
  phase phase_ = phase::starting;
  instant drain_until_ = instant::max();
  instant drain_idle_until_ = instant::max();
  std::function<void()> drained_;
  std::function<bool(std::string_view)> is_handshake_let_in_; // empty: all are
  std::uint64_t accepted_ = 0;
  std::uint64_t turned_away_ = 0;
};

template <class Write>
void responder::write(int status, Write&& write) const {
  if (server_ == nullptr)
    return;
  server::turn t{*server_};
  auto [c, x] = server_->connections_.find_exchange(ticket_);
  if (x == nullptr)
    return;
  write(c->response_of(*x), server_->output_.context_of(*x));
  server_->output_.complete(*c, *x, status);
}

} // namespace portcullis::http
