#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/minting.hpp"

#include <optional>

namespace portcullis {

struct account_state {
  static inline const char* name = "account";
  std::optional<minting> make;
};

/// `store` and `registry` in that order: committed first, then known to memory, then acknowledged.
account_actor::behavior_type account_keeper(account_actor::stateful_pointer<account_state> self,
                                            account_store_actor store, session_registry_actor registry,
                                            log_wakeup_ptr wakeup, sources from);

} // namespace portcullis
