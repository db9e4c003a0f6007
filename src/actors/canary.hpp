#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_wakeup.hpp"
#include "actors/minting.hpp"
#include "actors/sources.hpp"

#include <caf/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace portcullis {

/// One round: a session is minted, revoked as any other is (commit, the feed's wakeup, this replica's memory, then
/// the acknowledgement), and the log is told by a second event when that acknowledgement was given. Every
/// follower of the log (`canary_watch`) knows the difference.
///
/// The instant of the acknowledgement is told by the clock of the database, which is asked just after it. It may
/// be told too early by as long as that answer took to come back, never too late: no delay is told too short.
///
/// A round that fails is not repeated; the next one begins at its time. Its row is removed by a later one.
struct canary_state {
  static inline const char* name = "canary";
  using self_pointer = canary_actor::stateful_pointer<canary_state>;

  void init(self_pointer owner, canary_store_actor where, session_registry_actor memory, log_wakeup_ptr feed_bell,
            sources from);

  void start_round();
  all_numbers numbers() const;

private:
  void revoke();
  void revoked();
  void acknowledged();
  void tell_when(instant acknowledged_at, timestamp shown);
  void finish();
  void failed(const char* what, const caf::error& err);

  template <class Operation, class Then>
  void ask(const char* what, const Operation& op, Then then);

  self_pointer self_ = nullptr;
  canary_store_actor store_;
  session_registry_actor registry_;
  log_wakeup_ptr wakeup_;
  sources clocks_;
  std::optional<minting> make_;

  bool is_running_ = false;
  bool is_in_trouble_ = false;
  uuid session_id_;
  std::uint64_t finished_ = 0;
  std::uint64_t failed_ = 0;
};

/// A round each `interval`, which is more than 0.
canary_actor::behavior_type canary(canary_state::self_pointer self, std::chrono::nanoseconds interval,
                                   canary_store_actor store, session_registry_actor registry,
                                   log_wakeup_ptr wakeup, sources from);

} // namespace portcullis
