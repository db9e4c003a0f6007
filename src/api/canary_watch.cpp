#include "api/canary_watch.hpp"

#include <algorithm>

namespace portcullis::api {

void canary_watch::note(const revocation_event& event, instant now) noexcept {
  if (event.reason != canary_acknowledged) {
    waiting_[next_] = {event.session_id, now};
    next_ = (next_ + 1) % waiting_max;
    return;
  }
  const auto is_it = [&](const waiting& one) { return one.session_id == event.session_id; };
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), is_it);
  if (found == waiting_.end() || event.happened == instant::min())
    return;
  observe(std::max(std::chrono::nanoseconds{0}, std::chrono::nanoseconds{found->known - event.happened}));
  *found = {};
}

void canary_watch::observe(std::chrono::nanoseconds delay) noexcept {
  delay_.observe(delay);
  breaches_ += delay > bound_ ? 1 : 0;
}

void canary_watch::add_to(metrics::snapshot& s) const {
  s.add("portcullis_canary_delay_seconds", delay_);
  s.add("portcullis_canary_breaches_total", breaches_);
}

} // namespace portcullis::api
