#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/mailbox_gauge.hpp"
#include "app/orderly_stop.hpp"
#include "app/reloading.hpp"
#include "config/settings.hpp"
#include "db/timelines.hpp"
#include "net/listener.hpp"

#include <caf/delegated.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace portcullis {

struct supervisor_options {
  config::settings settings;
  std::vector<listener> listening;            // as `settings.http.listen` has them
  std::shared_ptr<published_callers> callers; // null: whoever reaches the port is believed
  std::shared_ptr<published_tls> tls;         // null: no listener has TLS
  std::string version;
  std::size_t descriptors_max = 1024; // open files of the process
  /// Called once, from the supervisor's thread, when everything is served.
  std::function<void()> serving = [] {};
  /// Called once, from the supervisor's thread, when the service cannot go on; the sentence says why.
  std::function<void(const std::string&)> give_up;
};

/// Who runs, and the order in which they stop: front, feed, the domain, what works by itself (reaper, bulk
/// revoker, canary), pool, cache. Each is told to stop when nobody is left who would ask it.
struct supervisor_state {
  static inline const char* name = "supervisor";
  using self_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

  void start(self_pointer owner, supervisor_options opts);
  void migrated(const migrations_finished& news);
  void stop(caf::typed_response_promise<all_numbers> promise);
  void drain();
  caf::delegated<all_numbers> delegate_numbers(const read_numbers& ask);

private:
  void spawn_domain();
  void spawn_front();
  void spawn_migrator();
  void spawn_feed();
  void end_all();
  void died(const caf::down_msg& news);

  self_pointer self_ = nullptr;
  supervisor_options options_;
  log_wakeup_ptr wakeup_;
  std::shared_ptr<db::timelines> met_; // by all connections
  std::shared_ptr<std::atomic<bool>> is_stopping_;
  db_pool_actor pool_;
  session_cache_actor cache_;
  session_actor sessions_;
  account_actor accounts_;
  reaper_actor reaper_;
  bulk_revoker_actor bulk_revoker_;
  canary_actor canary_; // or nothing
  http_front_actor front_;
  mailbox_gauge_ptr mailboxes_of_workers_;
  mailbox_gauge_ptr mailbox_of_feed_;
  std::optional<revocation_feed_actor> feed_;
  orderly_stop stop_;
};

supervisor_actor::behavior_type supervisor(supervisor_state::self_pointer self, supervisor_options options);

} // namespace portcullis
