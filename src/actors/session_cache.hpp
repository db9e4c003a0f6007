#pragma once

#include "actors/interfaces.hpp"
#include "core/session_memory.hpp"
#include "core/time.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace portcullis {

struct session_cache_options {
  session_memory::options memory;
  std::size_t loads_max = 10'000; // loads at one time
  unsigned load_attempts_max = 3; // a load overtaken by revocations is run again this often
  std::function<instant()> now = boot_clock::now;
};

/// Memory, and the loads on their way. One load serves all who ask for the same token while it runs, but for those
/// who need a read that began later: they get another, which serves those who come then.
struct session_cache_state {
  static inline const char* name = "session_cache";

  using resolution_promise = caf::typed_response_promise<resolution>;

  struct load {
    instant began{};
    unsigned attempts = 1;
    std::vector<resolution_promise> waiting;
  };
  using load_ptr = std::shared_ptr<load>;

  /// Made by the behaviour, since CAF makes the state without arguments.
  void init(session_cache_options opts);

  peeked_sessions peek(const peek_sessions& ask);
  void answer(const token_hash& hash, const load_ptr& done, const resolution& with);
  void fail(const token_hash& hash, const load_ptr& done, const caf::error& err);
  void apply(const log_progress& news);
  void warm(const warm_sessions& part);
  cache_stats stats() const;

  session_cache_options options;
  std::unique_ptr<session_memory> memory;
  std::unordered_map<token_hash, load_ptr> loads; // the latest of each token
  std::size_t loads_in_flight = 0;                // the earlier ones included

private:
  void end(const token_hash& hash, const load_ptr& done);
};

/// On the I/O thread, where the front finds it without leaving its own thread.
session_cache_actor::behavior_type session_cache(
  session_cache_actor::stateful_broker_pointer<session_cache_state> self, session_cache_options options,
  session_loader_actor loader);

/// The same on the scheduler, for tests that deliver one message at a time.
session_cache_actor::behavior_type scheduled_session_cache(
  session_cache_actor::stateful_pointer<session_cache_state> self, session_cache_options options,
  session_loader_actor loader);

} // namespace portcullis
