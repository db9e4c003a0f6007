#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/sources.hpp"
#include "telemetry/tracing.hpp"

#include <caf/error.hpp>
#include <caf/typed_response_promise.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis {

struct reaper_options {
  std::chrono::nanoseconds interval = std::chrono::hours{1};
  std::chrono::nanoseconds guest_retention = std::chrono::hours{720};
  std::chrono::nanoseconds revoked_retention = std::chrono::hours{720};
  std::chrono::nanoseconds event_retention = std::chrono::hours{24};
  std::chrono::nanoseconds session_max_age{0}; // past it a session has expired; 0: never
  std::chrono::nanoseconds guest_session_max_age{0};
  std::chrono::nanoseconds audit_retention = std::chrono::hours{2160};
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
/// game belongs to the other players' history), session rows that have been dead for their retention (those that
/// ended one by one, those that ended with all of their account's, and those that expired), events that no cursor
/// may resume from any more, and old entries of the audit. A guest's age is the only sign of abandonment: sessions
/// are revoke-only and keep no "last seen".
///
/// By which clock: the database's, which dated the rows. It is read when the sweep starts and the cut-offs stand
/// still from then on, so a sweep ends: nothing new can fall behind them. This process's wall clock decides
/// nothing.
///
/// How: one transaction that looks at no more than `batch_rows_max` rows at a time, through the pool like
/// everybody else's statements, then a pause. The rows are taken by FOR UPDATE SKIP LOCKED, so a guest that
/// somebody is seating, linking or minting for right now is left for the next sweep, and nobody ever waits for
/// more than one batch. The end of a guest's sessions is in the log by the same commit; memory everywhere hears of
/// it from there.
///
/// One replica at a time: each transaction first tries for an advisory lock. A sweep that finds it taken ends; the
/// holder does the work.
///
/// A stage that fails does not keep the others from running. It goes on where it stopped when the sweep is tried
/// again, after a backoff, and with batches half as large: a batch that takes longer than a statement may gets
/// through in parts. What was committed stands, so after kill -9 or a restart of PostgreSQL the next sweep finds
/// exactly the rest. Trouble is logged when it starts and when it is over.
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
  enum class stage : std::uint8_t {
    idle,
    clock,
    guests,
    sessions,
    generations,
    expired_guests, // sessions of guests
    expired,
    events,
    audit,
  };

  /// How far a stage has come. It outlives a sweep in which the stage failed. Those of expired sessions go on from
  /// there in each sweep: what they have passed over lives longer than that, or is another stage's. Unless
  /// somebody held a row: the next sweep begins with the oldest of those.
  struct progress {
    store::sweep_position reached;
    std::optional<timestamp> left; // since the stage began in this sweep
    std::size_t rows_max = 0;      // of the next batch; zero: of the options
  };

  void start_sweep(audit_origin origin);
  void enter(stage next);
  template <class Operation>
  void ask_for_batch(Operation op, std::size_t reaper_run::*count);
  void clock_read(timestamp now);
  void batch_done(const store::swept& done);
  void stage_failed(const caf::error& err);
  void next_stage();
  bool has_work(stage which) const;
  static bool is_of_expired(stage which);
  store::delete_expired_sessions expired_batch(bool of_guests) const;
  void finish();
  void count_guests(caf::typed_response_promise<reaper_run> promise, reaper_run counted,
                    const store::sweep_position& after);
  void report_progress();
  progress& progress_of_stage();
  std::size_t batch_rows() const;
  static std::string_view name_of(stage which);
  static timestamp cutoff(timestamp now, std::chrono::nanoseconds retention);

  self_pointer self_ = nullptr;
  reaper_options options_;
  reaper_store_actor store_;
  log_wakeup_ptr wakeup_;
  sources clocks_;

  stage stage_ = stage::idle;
  timestamp database_time_{}; // at the start of the sweep: the cut-offs' base
  instant began_{};
  instant reported_{};
  instant next_at_{};
  std::chrono::nanoseconds backoff_{0};
  std::array<progress, 9> progress_{}; // by stage
  std::optional<caf::error> trouble_;  // of the sweep that runs: the first
  bool is_in_trouble_ = false;         // the last sweep failed, and it was logged
  audit_origin origin_;                // of the sweep that runs: who ordered it
  tracing::span span_;                 // of the sweep that runs
  tracing::span stage_span_;           // of its stage
  reaper_run current_;
  std::optional<reaper_run> last_;
  std::vector<caf::typed_response_promise<reaper_run>> waiting_;
};

reaper_actor::behavior_type reaper(reaper_state::self_pointer self, reaper_options options,
                                   reaper_store_actor store, log_wakeup_ptr wakeup, sources clocks);

} // namespace portcullis
