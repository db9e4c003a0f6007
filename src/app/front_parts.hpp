#pragma once

#include "actors/interfaces.hpp"
#include "actors/mailbox_gauge.hpp"
#include "api/front.hpp"
#include "api/gatekeeper.hpp"
#include "api/handshake_limit.hpp"
#include "api/resolve_api.hpp"
#include "feed/hub.hpp"

#include <string>

namespace portcullis {

/// Whom the modules of the service's API ask.
struct front_peers {
  session_cache_actor cache;
  session_actor sessions;
  account_actor accounts;
  reaper_actor reaper;
  bulk_revoker_actor bulk;
  canary_actor canary; // or nothing
  db_pool_actor pool;
  mailbox_gauge_ptr mailboxes_of_workers{}; // or nothing
  mailbox_gauge_ptr mailbox_of_feed{};      // or nothing
};

struct front_parts_options {
  std::string service_name;
  std::string version;
  api::health_options health;
  api::resolve_options resolve;
  feed::hub_limits feed;
  api::gate_options gate;
  api::handshake_limit_options handshakes;
};

/// All modules of the service, each with the narrowest handles that it needs.
api::front_parts make_front_parts(api::front_pointer self, http::server& server, const front_peers& peers,
                                  const front_parts_options& options);

} // namespace portcullis
