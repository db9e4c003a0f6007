#pragma once

#include "api/health_api.hpp"
#include "api/module.hpp"
#include "http/server/server.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace portcullis::api {

/// The modules of a front. One of them knows everybody's numbers.
struct front_parts {
  std::vector<std::unique_ptr<module>> modules;
  health_api* health = nullptr;
};

struct front_options {
  http::server_options server;
  std::chrono::milliseconds tick{250};
  /// Makes the modules: which endpoints a process has is decided by who starts it.
  std::function<front_parts(front_pointer self, http::server& server)> make_parts;
};

/// The broker: passes its events on to the HTTP server, and what the revocation feed tells to the modules.
class front_state {
public:
  static inline const char* name = "http_front";
  using self_pointer = http_front_actor::stateful_broker_pointer<front_state>;

  void init(self_pointer self, front_options options);

  http::server& server() noexcept {
    return *server_;
  }

  template <class Message>
  void apply(const Message& message);

  void plan_tick(std::chrono::nanoseconds pause);
  void tick();
  void timer();

  /// The pacer has answered.
  void paced();

  void drain(std::chrono::nanoseconds grace, caf::typed_response_promise<applied> done);
  /// The sockets that were ready have had their turn.
  void collected();

  caf::result<all_numbers> collect();

private:
  /// A part of what modules have left for later.
  void work();
  void end_turn();

  self_pointer self_ = nullptr;
  std::unique_ptr<http::server> server_;
  front_parts parts_;
  // Those of them that a turn concerns, since there are some turns to every request.
  std::vector<module*> collecting_;
  std::vector<module*> deferring_;
  pacer_actor pacer_;
  bool is_work_due_ = false; // the pacer has been asked, or work is being done
};

http_front_actor::behavior_type front(front_state::self_pointer self, front_options options);

} // namespace portcullis::api
