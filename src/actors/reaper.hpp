#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/sources.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace portcullis {

struct reaper_options {
  std::chrono::nanoseconds interval = std::chrono::hours{1};
  std::chrono::nanoseconds guest_retention = std::chrono::hours{720};
  std::chrono::nanoseconds revoked_retention = std::chrono::hours{720};
  std::chrono::nanoseconds event_retention = std::chrono::hours{24};
  std::size_t batch_rows_max = 1000;                                  // of one transaction
  std::chrono::milliseconds pause = std::chrono::milliseconds{20};    // between two transactions
  std::chrono::nanoseconds progress_every = std::chrono::seconds{10}; // in the log, while a sweep lasts
  std::chrono::nanoseconds backoff_min = std::chrono::seconds{1};     // after a failed sweep, doubling
  std::chrono::nanoseconds backoff_max = std::chrono::minutes{5};     // and never past the interval
  std::chrono::milliseconds tick = std::chrono::milliseconds{500};
};

/// The sweep.
///
/// What it removes, in this order: guests that are older than the retention and have no seat at all (a finished
/// game belongs to the other players' history), session rows that have been dead for their retention, and events
/// that no cursor may resume from any more. A guest's age is the only sign of abandonment: sessions are
/// revoke-only and keep no "last seen".
///
/// How: one transaction of at most `batch_rows_max` rows at a time, through the pool like everybody else's
/// statements, then a pause. The rows are taken by FOR UPDATE SKIP LOCKED, so a guest that somebody is
/// seating, linking or minting for right now is left for the next sweep, and nobody ever waits for more
/// than one batch. The end of a guest's sessions is in the log by the same commit; memory everywhere hears of
/// it from there. The cut-offs are fixed when the sweep starts, so it ends: nothing new can fall behind them.
///
/// One replica at a time: each transaction first tries for an advisory lock. A sweep that finds it taken ends; the
/// holder does the work.
///
/// When it stops half-way (an error, kill -9, a restart of PostgreSQL) every batch that was committed stands, and
/// the next sweep finds exactly the rest: there is no state but the rows. A failed sweep is tried again with
/// backoff, logged when the trouble starts and when it is over.
struct reaper_state {
  static inline const char* name = "reaper";
  using self_pointer = reaper_actor::stateful_pointer<reaper_state>;

  void init(self_pointer owner, reaper_options opts, reaper_store_actor where, log_wakeup_ptr feed_bell,
            sources clocks);

  void tick();
  void step();
  caf::result<reaper_run> run_now(const run_reaper& order);
  reaper_status status() const;

private:
  enum class stage : std::uint8_t { idle, guests, sessions, events };

  void start_sweep();
  void swept(std::size_t rows, bool is_leader, bool has_more);
  void failed(const caf::error& err);
  void finish();
  void report_progress();
  timestamp cutoff(std::chrono::nanoseconds retention) const;

  self_pointer self_ = nullptr;
  reaper_options options_;
  reaper_store_actor store_;
  log_wakeup_ptr wakeup_;
  sources clocks_;

  stage stage_ = stage::idle;
  timestamp swept_at_{}; // wall clock at the start of the sweep: the cut-offs' base
  instant began_{};
  instant reported_{};
  instant next_at_{};
  std::chrono::nanoseconds backoff_{0};
  store::reap_guests::position guests_reached_; // of the sweep that runs
  uuid sessions_reached_;
  reaper_run current_;
  std::optional<reaper_run> last_;
  std::vector<caf::typed_response_promise<reaper_run>> waiting_;
};

reaper_actor::behavior_type reaper(reaper_state::self_pointer self, reaper_options options,
                                   reaper_store_actor store, log_wakeup_ptr wakeup, sources clocks);

} // namespace portcullis
