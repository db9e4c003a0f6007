#pragma once

#include "actors/log_wakeup.hpp"
#include "actors/mailbox_gauge.hpp"
#include "app/orderly_stop.hpp"
#include "app/supervisor.hpp"
#include "edge/http_client.hpp"
#include "edge/log_position.hpp"
#include "edge/service_loader.hpp"

#include <memory>
#include <optional>

namespace portcullis {

/// Starts and stops an edge: the same front and cache as the service's, filled from the service and invalidated by
/// its feed. They stop in the order front, feed, client, loader, cache.
class edge_supervisor_state {
public:
  static inline const char* name = "edge_supervisor";
  using self_pointer = supervisor_actor::stateful_pointer<edge_supervisor_state>;

  void start(self_pointer owner, supervisor_options options);
  void stop(caf::typed_response_promise<all_numbers> promise);
  void drain();
  const http_front_actor& front() const noexcept {
    return front_;
  }

private:
  void spawn_cache();
  void spawn_front();
  void spawn_feed();
  void end_all();
  void died(const caf::down_msg& msg);

  self_pointer self_ = nullptr;
  supervisor_options options_;
  std::shared_ptr<edge::http_client> client_;
  edge::log_position_ptr position_;
  log_wakeup_ptr wakeup_;
  service_loader_actor loader_;
  session_cache_actor cache_;
  http_front_actor front_;
  std::optional<revocation_feed_actor> feed_;
  mailbox_gauge_ptr mailbox_of_feed_ = std::make_shared<mailbox_gauge>();
  orderly_stop stop_;
  bool is_stopping_ = false;
};

supervisor_actor::behavior_type edge_supervisor(edge_supervisor_state::self_pointer self,
                                                supervisor_options options);

} // namespace portcullis
