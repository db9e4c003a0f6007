#include "feed/hub.hpp"

#include <algorithm>
#include <utility>

namespace portcullis::feed {

hub::hub(const hub_limits& limits, page_reader read_page, std::function<instant()> now)
  : limits_(limits), log_(limits.ring_events_max, std::move(read_page), std::move(now)), streams_(limits_, log_),
    polls_(limits_, log_) {}

void hub::append(const std::vector<revocation_event>& events, cursor position, std::optional<instant> as_of) {
  if (!log_.append(events, position, as_of))
    return;
  streams_.visit_everyone();
  polls_.check_everyone();
}

void hub::start_over(cursor position, std::string reason) {
  log_.start_over(position, std::move(reason));
  streams_.visit_everyone();
  polls_.check_everyone();
}

bool hub::work() {
  streams_.take_away_removed();
  auto until = log_.now() + limits_.turn_max;
  do {
    polls_.check_one(); // one of each, so that neither waits for all of the other
    streams_.visit_one();
  } while (has_work() && log_.now() < until);
  return has_work();
}

void hub::tick() {
  streams_.take_away_removed();
  streams_.visit_everyone();
  polls_.check_everyone();
}

void hub::stop() {
  polls_.stop();
}

hub::numbers hub::count() const noexcept {
  return {streams_.size(), polls_.size(), streams_.cut_count(), streams_.delivered_count(), streams_.delay()};
}

std::vector<follower_state> hub::followers(std::size_t max) const {
  std::vector<follower_state> all;
  all.reserve(streams_.size() + polls_.size());
  streams_.list(all);
  polls_.list(all);
  const auto end = log_.ring().last();
  for (auto& each : all)
    each.behind =
      each.position.epoch == end.epoch && each.position.seq < end.seq ? end.seq - each.position.seq : 0;
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.behind > b.behind; });
  all.resize(std::min(all.size(), max));
  return all;
}

} // namespace portcullis::feed
