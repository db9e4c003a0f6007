#pragma once

#include "actors/interfaces.hpp"
#include "actors/log_broadcast.hpp"
#include "actors/log_follower.hpp"
#include "actors/mailbox_gauge.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace portcullis {

/// Follows the log and tells the sinks. At most one message is on its way to each sink, and the log is not read on
/// before the first of them, the cache, has taken what was read.
///
/// The thread blocks in two places only: in the source, whose calls have deadlines, and in `poll(2)` for at most
/// the poll interval, when no sink has anything left to take. Otherwise it waits at the mailbox, where exits
/// arrive, too.
class revocation_feed_state {
public:
  using self_pointer = revocation_feed_actor::pointer;

  static inline const char* name = "revocation_feed";

  explicit revocation_feed_state(self_pointer self) : self_(self) {}

  void start(const revocation_feed_options& options, log_sources from, const session_cache_actor& cache,
             const std::vector<revocation_sink_actor>& others);

  void round();

private:
  void send_ready();
  void send(std::size_t sink, const log_news& news);
  void taken(std::size_t sink);
  void lost(std::size_t sink);
  void plan_next_round();
  bool must_wait_for_sinks() const;
  bool hand_over(warm_sessions&& part);

  self_pointer self_;
  mailbox_share mailbox_;
  std::chrono::nanoseconds busy_sink_pause_{0};
  session_cache_actor cache_;
  std::vector<revocation_sink_actor> sinks_; // the cache is the first
  std::optional<log_follower> follower_;
  std::optional<log_broadcast> broadcast_;
  bool reads_on_ = true;              // without a wait
  bool is_waiting_for_sinks_ = false; // no round is planned
};

/// Spawn it detached: it blocks its thread. `cache` hears of everything before the other sinks do.
revocation_feed_actor::behavior_type revocation_feed(
  revocation_feed_actor::stateful_pointer<revocation_feed_state> self, revocation_feed_options options,
  std::shared_ptr<log_sources> from, session_cache_actor cache, std::vector<revocation_sink_actor> others);

} // namespace portcullis
