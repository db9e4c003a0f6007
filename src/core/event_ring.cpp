#include "core/event_ring.hpp"

#include <algorithm>

namespace portcullis {

namespace {

struct seq_less {
  bool operator()(std::uint64_t seq, const revocation_event& event) const noexcept {
    return seq < event.seq;
  }
};

} // namespace

event_ring::event_ring(std::size_t events_max) : events_max_(events_max) {
  // nop
}

void event_ring::reset(cursor position) {
  events_.clear();
  last_ = position;
  covered_from_ = position.seq;
}

void event_ring::append(const std::vector<revocation_event>& events, cursor position) {
  if (position.epoch != last_.epoch) {
    reset(position); // what is held says nothing of another history
    return;
  }
  for (const auto& event : events) {
    if (event.seq <= last_.seq)
      continue; // two reads that overlap tell it twice
    events_.push_back(event);
    last_.seq = event.seq;
    if (events_.size() > events_max_) {
      covered_from_ = events_.front().seq;
      events_.pop_front();
    }
  }
  last_.seq = std::max(last_.seq, position.seq);
}

event_ring::reach event_ring::find(cursor position) const noexcept {
  if (position.epoch != last_.epoch)
    return reach::from_another_history;
  if (position.seq > last_.seq)
    return reach::ahead;
  return position.seq < covered_from_ ? reach::too_old : reach::held;
}

std::vector<revocation_event> event_ring::after(std::uint64_t seq, std::size_t limit) const {
  const auto first = std::upper_bound(events_.begin(), events_.end(), seq, seq_less{});
  const auto count = std::min(limit, static_cast<std::size_t>(events_.end() - first));
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

bool event_ring::check_invariants() const {
  auto previous = covered_from_;
  for (const auto& event : events_) {
    if (event.seq <= previous)
      return false;
    previous = event.seq;
  }
  return events_.size() <= events_max_ && previous <= last_.seq;
}

cursor event_ring::last() const noexcept {
  return last_;
}

std::size_t event_ring::size() const noexcept {
  return events_.size();
}

} // namespace portcullis
