#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/minting.hpp"
#include "actors/sources.hpp"

#include <caf/error.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <optional>

namespace portcullis {

struct bulk_revoker_options {
  std::chrono::nanoseconds look_every = std::chrono::seconds{2};   // for jobs that other replicas accepted
  std::size_t page_max = 5'000;                                    // sessions looked at in one transaction
  std::size_t count_page_max = 10'000;                             // counted ahead
  std::size_t batch_max = 1'000;                                   // ended one by one
  std::chrono::milliseconds pause = std::chrono::milliseconds{20}; // between two transactions
  std::chrono::milliseconds held_up_pause = std::chrono::milliseconds{500}; // for what somebody holds
  std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{500};    // after a failure, doubling
  std::chrono::nanoseconds backoff_max = std::chrono::seconds{30};
  std::chrono::milliseconds tick = std::chrono::milliseconds{500};
};

/// Works on bulk revocations, within the budget of the sweep: one bounded transaction, then a pause.
///
/// All that is known of a job is in its row, and each transaction moves the row on by the same commit that ends
/// sessions and writes their events. So nothing is kept here: after kill -9, a restart or an outage of PostgreSQL
/// any replica goes on where the last commit was, and nothing is ended twice. One replica works at a time, by an
/// advisory lock that each transaction tries for; the others look again in a moment. Memory everywhere hears of
/// the ends from the log.
///
/// A transaction that fails is tried again after a backoff, with pages half as large. Trouble is logged while
/// there is a job.
struct bulk_revoker_state {
  static inline const char* name = "bulk_revoker";
  using self_pointer = bulk_revoker_actor::stateful_pointer<bulk_revoker_state>;

  void init(self_pointer owner, bulk_revoker_options opts, bulk_store_actor where, log_wakeup_ptr feed_bell,
            sources from);

  void tick();
  void step();
  caf::result<revocation_counts> count(const count_bulk_revocation& ask);
  caf::result<revocation_job> accept(const order_bulk_revocation& order);
  caf::result<revocation_job> show(const store::get_revocation_job& ask);

private:
  void done(const store::work_on_revocation_jobs::result& batch);
  void failed(const caf::error& err);
  void rest(std::chrono::nanoseconds pause);
  void count_on(caf::typed_response_promise<revocation_counts> promise, const session_selector& selects,
                revocation_counts found, const store::count_position& after);
  std::size_t share(std::size_t rows) const;

  self_pointer self_ = nullptr;
  bulk_revoker_options options_;
  bulk_store_actor store_;
  log_wakeup_ptr wakeup_;
  sources clocks_;
  std::optional<minting> make_;

  bool is_working_ = false; // a transaction is on its way, or the pause before the next
  bool has_job_ = false;    // some job is unfinished, as far as is known here
  bool is_in_trouble_ = false;
  instant next_at_{};
  std::chrono::nanoseconds backoff_{0};
  std::size_t divisor_ = 1; // of the sizes of a transaction, after failures
};

bulk_revoker_actor::behavior_type bulk_revoker(bulk_revoker_state::self_pointer self, bulk_revoker_options options,
                                               bulk_store_actor store, log_wakeup_ptr wakeup, sources from);

} // namespace portcullis
