#pragma once

#include "core/model.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace portcullis {

/// The latest revocation events, in log order, for subscribers that resume: `after(seq)` answers from
/// memory when the ring reaches back that far. `covered_from` is the position such that every event of the log
/// after it and up to `last()` is held.
class event_ring {
public:
  explicit event_ring(std::size_t events_max);

  /// Starts over at `position`: events after it will follow.
  void reset(cursor position);

  /// Appends the events that follow `last()`, in order, and moves on to `position` (which may be later
  /// than the last event's when the log has gaps). Events up to `last()` are skipped: they were told already. A
  /// `position` of another epoch resets the ring to it.
  void append(const std::vector<revocation_event>& events, cursor position);

  enum class reach { held, too_old, ahead, from_another_history };

  /// Whether every event after `position` is held. `too_old` and `ahead` (past `last()`: what was acknowledged can
  /// be newer than what was read, and so can another replica) are for the table to judge.
  reach find(cursor position) const noexcept;

  /// At most `limit` events after `seq`, oldest first. Only after `find` said `held`.
  std::vector<revocation_event> after(std::uint64_t seq, std::size_t limit) const;

  cursor last() const noexcept;
  std::size_t size() const noexcept;

  /// Whether the events are in order and within `covered_from` and `last()`; takes time for each. For tests.
  bool check_invariants() const;

private:
  std::size_t events_max_;
  cursor last_{};
  std::uint64_t covered_from_ = 0;
  std::deque<revocation_event> events_;
};

} // namespace portcullis
