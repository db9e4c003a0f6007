#include "api/cursor_wait.hpp"

#include <algorithm>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::chrono::milliseconds timer_min{1};

} // namespace

cursor_wait::cursor_wait(std::size_t waiting_max, std::function<instant()> now)
  : waiting_max_(waiting_max), now_(std::move(now)) {}

void cursor_wait::reach(cursor position) {
  position_ = position;
  if (!waiting_.empty())
    resume();
}

bool cursor_wait::is_reached(const cursor& wanted) const noexcept {
  return is_worth_waiting(wanted) && wanted.seq <= position_->seq;
}

/// A cursor of another epoch may be of one that this replica has not noticed yet.
bool cursor_wait::is_worth_waiting(const cursor& wanted) const noexcept {
  return position_ && wanted.epoch == position_->epoch;
}

void cursor_wait::wait(const cursor& wanted, instant until, continuation then) {
  if (is_reached(wanted))
    then(true);
  else if (!is_worth_waiting(wanted) || waiting_.size() >= waiting_max_ || until <= now_())
    then(false);
  else
    waiting_.push_back({wanted, until, std::move(then)});
}

std::optional<std::chrono::nanoseconds> cursor_wait::arm() {
  if (waiting_.empty())
    return std::nullopt;
  auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                [](const waiting& a, const waiting& b) { return a.until < b.until; });
  if (armed_until_ && *armed_until_ <= first->until)
    return std::nullopt;
  armed_until_ = first->until;
  return std::max<std::chrono::nanoseconds>(first->until - now_(), timer_min);
}

void cursor_wait::expire() {
  if (armed_until_ && *armed_until_ <= now_() + timer_min) // a timer may run out a little early
    armed_until_.reset();
  resume();
}

void cursor_wait::resume() {
  auto now = now_();
  for (auto& w : std::exchange(waiting_, {})) {
    if (is_reached(w.wanted))
      w.then(true);
    else if (!is_worth_waiting(w.wanted) || w.until <= now)
      w.then(false);
    else
      waiting_.push_back(std::move(w));
  }
}

} // namespace portcullis::api
