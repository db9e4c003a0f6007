#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/minting.hpp"

#include <optional>

namespace portcullis {

struct session_state {
  static inline const char* name = "session";
  std::optional<minting> make;
};

/// `store` and `registry` in that order: committed first, then known to memory, then acknowledged.
session_actor::behavior_type session_keeper(session_actor::stateful_pointer<session_state> self,
                                            session_store_actor store, session_registry_actor registry,
                                            log_wakeup_ptr wakeup, sources from);

} // namespace portcullis
