#pragma once

#include "actors/session_cache_behavior.hpp"

#include <utility>

namespace portcullis::test {

/// The cache on the test's scheduler, which delivers one message at a time.
inline session_cache_actor::behavior_type session_cache_on_scheduler(
  session_cache_actor::stateful_pointer<session_cache_state> self, session_cache_options options,
  session_loader_actor loader) {
  return session_cache_behavior(self, std::move(options), loader);
}

} // namespace portcullis::test
