#include "api/front.hpp"

#include "actors/guard.hpp"
#include "actors/mailbox.hpp"
#include "actors/pacer.hpp"
#include "telemetry/log.hpp"

#include <caf/io/middleman.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace portcullis::api {

namespace {

/// Keeps a flag up, whatever is thrown meanwhile.
class held {
public:
  explicit held(bool& flag) : flag_(flag) {
    flag_ = true;
  }
  ~held() {
    flag_ = false;
  }
  held(const held&) = delete;
  held& operator=(const held&) = delete;

private:
  bool& flag_;
};

} // namespace

void front_state::init(self_pointer self, front_options options) {
  self_ = self;
  server_ = std::make_unique<http::server>(self_, std::move(options.server));
  parts_ = options.make_parts(self_, *server_);
  for (auto& m : parts_.modules)
    m->add_routes(server_->routes());
  server_->routes_are_complete();
  for (auto& m : parts_.modules) {
    if (m->collects())
      collecting_.push_back(m.get());
    if (m->defers_work())
      deferring_.push_back(m.get());
  }
  for (auto& m : parts_.modules)
    parts_.health->add_source([part = m.get()](metrics::snapshot& s) { part->add_to(s); });
  parts_.health->add_source([this](metrics::snapshot& s) { add_mailbox(s, self_); });
  server_->on_turn_end([this] { end_turn(); });
  pacer_ = self_->system().middleman().spawn_broker(pacer, http_front_actor{self_});
  self_->link_to(pacer_);
}

template <class Message>
void front_state::apply(const Message& message) {
  {
    http::server::turn t{*server_};
    for (auto& m : parts_.modules)
      m->apply(message);
  }
  if (!is_work_due_)
    work();
}

/// Without a sender: CAF does not close the mailbox of a broker that has ended, and a message there that holds its
/// own actor would keep it, and every actor that has written to it, for ever.
void front_state::plan_tick(std::chrono::nanoseconds pause) {
  caf::delayed_anon_send(http_front_actor{self_}, pause, tick_atom_v);
}

void front_state::tick() {
  server_->tick();
  {
    http::server::turn t{*server_};
    for (auto& m : parts_.modules)
      m->tick();
  }
}

void front_state::timer() {
  server_->close_door();
  http::server::turn t{*server_};
  for (auto& m : parts_.modules)
    m->timer();
}

/// The pacer's answer. There is one on its way at a time: were there two, each would ask for another as long as
/// there is work, and so with every message of news, until requests wait for all of them.
void front_state::paced() {
  is_work_due_ = false;
  work();
}

/// Not within a turn: what is written goes to the kernel at once, so that its cost counts.
void front_state::work() {
  {
    const held quiet{is_work_due_}; // the turns of the work itself do not ask for more
    for (auto* m : deferring_)
      m->work();
  }
  http::server::turn t{*server_};
}

void front_state::end_turn() {
  for (auto* m : collecting_)
    m->end_turn();
  bool has_work = false;
  for (auto* m : deferring_)
    has_work = has_work || m->has_work();
  if (has_work && !std::exchange(is_work_due_, true))
    self_->send(pacer_, work_atom_v);
}

void front_state::drain(std::chrono::nanoseconds grace, caf::typed_response_promise<applied> done) {
  {
    http::server::turn t{*server_};
    for (auto& m : parts_.modules)
      m->stop();
  }
  server_->drain(grace, [done]() mutable { done.deliver(applied{}); });
  caf::delayed_anon_send(http_front_actor{self_}, http::server::door_pause, step_atom_v); // see plan_tick
}

void front_state::collected() {
  for (auto* m : collecting_)
    m->collected();
}

caf::result<all_numbers> front_state::collect() {
  auto promise = self_->make_response_promise<all_numbers>();
  parts_.health->collect(
    [promise](const metrics::snapshot& numbers) mutable { promise.deliver(all_numbers{numbers}); });
  return promise;
}

// -- the behaviour -----------------------------------------------------------------------------------------

http_front_actor::behavior_type front(front_state::self_pointer self, front_options options) {
  auto tick = options.tick;
  self->state.init(self, std::move(options));
  auto& state = self->state;
  state.plan_tick(tick);
  auto& server = state.server();
  return {
    // CAF tries the handlers in their order: the hot one is the first.
    [&server](const caf::io::new_data_msg& msg) {
      guard("receive", [&] { server.receive(msg.handle, {msg.buf.data(), msg.buf.size()}); });
    },
    [&server](const caf::io::new_connection_msg& msg) {
      guard("accept", [&] { server.accept(msg.source, msg.handle); });
    },
    [](const caf::io::acceptor_closed_msg&) { log::error("the listening socket was closed"); },
    [&server](const caf::io::connection_closed_msg& msg) { guard("close", [&] { server.closed(msg.handle); }); },
    [&state](const log_progress& progress) {
      guard("log_progress", [&] { state.apply(progress); });
      return applied{};
    },
    [&state](const epoch_changed& change) {
      guard("epoch_changed", [&] { state.apply(change); });
      return applied{};
    },
    [&state](const cache_warmed& warmed) {
      guard("cache_warmed", [&] { state.apply(warmed); });
      return applied{};
    },
    [&server](const caf::io::data_transferred_msg& msg) {
      guard("transferred", [&] { server.transferred(msg); });
    },
    [&state](collect_atom) { guard("collect", [&] { state.collected(); }); },
    [&server](const start_serving&) { guard("serve", [&] { server.serve(); }); },
    [&server](const announce_stop&) { server.announce_stop(); },
    [self](const drain_connections& order) -> caf::result<applied> {
      auto done = self->make_response_promise<applied>();
      self->state.drain(order.grace, done);
      return done;
    },
    [&state](const read_numbers&) { return state.collect(); },
    [&state, tick](tick_atom) {
      guard("tick", [&] { state.tick(); });
      state.plan_tick(tick);
    },
    [&state](step_atom) { guard("timer", [&] { state.timer(); }); },
    [&state](work_atom) { guard("work", [&] { state.paced(); }); },
  };
}

} // namespace portcullis::api
