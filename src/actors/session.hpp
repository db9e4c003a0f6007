#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_doorbell.hpp"
#include "actors/sources.hpp"
#include "core/uuid.hpp"

#include <optional>

namespace portcullis {

/// Makes ids and tokens; everything else is in the database and in the cache.
struct session_state {
  static inline const char* name = "session";

  db::session_draft draft(const token& secret, device from);
  db::identity_claim claim(const identity_holder& holder);
  token new_token();

  sources from;
  std::optional<uuid_v7_generator> ids;
};

/// `store` and `registry` in that order: committed first, then known to memory, then acknowledged.
session_actor::behavior_type session_keeper(session_actor::stateful_pointer<session_state> self,
                                            session_store_actor store, session_registry_actor registry,
                                            log_doorbell_ptr bell, sources from);

} // namespace portcullis
