#pragma once

#include "actors/interfaces.hpp"
#include "actors/session_cache_limits.hpp"
#include "core/session_memory.hpp"
#include "core/time.hpp"
#include "telemetry/tracing.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace portcullis {

struct session_cache_options : session_cache_limits {
  std::function<instant()> now = boot_clock::now;
};

/// Memory, and the loads on their way. One load serves all who ask for the same token while it runs, but for those
/// who need a read that began later: they get another, which serves those who come then.
///
/// Each method takes a bounded time: what ends many sessions at once leaves them to `reclaim`.
class session_cache_state {
public:
  using resolution_promise = caf::typed_response_promise<resolution>;

  struct waiter {
    resolution_promise promise;
    bool takes_memory = false; // rather than an error; not who asked for a later read than memory has
    tracing::span span{};      // of one that joined: the wait for somebody else's load
  };

  class load {
  public:
    instant began() const noexcept {
      return began_;
    }
    const std::optional<cursor>& at_least() const noexcept {
      return at_least_;
    }
    trace_point asked_by() const {
      return span_ ? tracing::point_of(span_) : asked_by_;
    }

  private:
    friend class session_cache_state;
    instant began_{};
    std::optional<cursor> at_least_;
    unsigned attempts_ = 0;
    trace_point asked_by_; // the first
    tracing::span span_;   // nothing, if that one is not recorded
    std::vector<waiter> waiting_;
  };
  using load_ptr = std::shared_ptr<load>;

  static inline const char* name = "session_cache";

  /// Made by the behaviour, since CAF makes the state without arguments.
  void init(session_cache_options opts);

  // -- look-ups --------------------------------------------------------------------------------------------

  peeked_sessions peek(const peek_sessions& ask);

  recalled_session recall(const recall_session& ask);

  /// A load on its way that serves this caller, or nothing.
  load_ptr find_load(const load_session& ask);

  /// A new one, or nothing at the bound.
  load_ptr make_load(const load_session& ask);

  /// `is_first`: it is for this caller that the load was made.
  static void join(const load_ptr& running, const load_session& ask, resolution_promise promise, bool is_first);

  /// To be called when its read is sent.
  void begin(const load_ptr& running);

  /// Takes in what the database said and answers who waits. Returns whether the read must be sent again.
  bool admit(const token_hash& hash, const load_ptr& running, const store::find_session::result& found);

  void fail(const token_hash& hash, const load_ptr& running, const caf::error& err);

  // -- changes ---------------------------------------------------------------------------------------------

  void apply(const session_minted& mint);
  void apply(const session_revoked& end);
  void apply(const account_revoked& end);
  void apply(const log_progress& news);
  void apply(const epoch_changed& news);
  void apply(const warm_sessions& part);

  // -- clean-up --------------------------------------------------------------------------------------------

  /// The pause before the next turn of `reclaim`, if one is to be planned now.
  std::optional<std::chrono::nanoseconds> plan_reclaim();

  /// The turn that was planned.
  void reclaim();

  cache_stats stats() const;

  all_numbers numbers() const; ///< the same for an exporter

private:
  void answer(const token_hash& hash, const load_ptr& done, const resolution& with);
  void end(const token_hash& hash, const load_ptr& done);
  std::optional<session_record> recall_static(const token_hash& hash);
  void note_static(bool is_static);

  session_cache_options options_;
  std::unique_ptr<session_memory> memory_;
  std::unordered_map<token_hash, load_ptr> loads_; // the latest of each token
  std::size_t loads_in_flight_ = 0;                // the earlier ones included
  std::uint64_t loads_begun_ = 0;
  std::uint64_t loads_shared_ = 0;
  std::uint64_t loads_refused_ = 0;
  bool is_reclaim_planned_ = false;
  bool is_static_ = false; // memory was last answered from past its lease
};

/// For the I/O thread (`spawn_on_io_thread`), where the front finds it without leaving its own thread.
session_cache_actor::behavior_type session_cache(session_cache_actor::stateful_pointer<session_cache_state> self,
                                                 session_cache_options options, session_loader_actor loader);

} // namespace portcullis
