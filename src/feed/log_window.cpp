#include "feed/log_window.hpp"

#include <algorithm>
#include <utility>

namespace portcullis::feed {

log_window::log_window(std::size_t ring_events_max, page_reader read_page, std::function<instant()> now)
  : read_page_(std::move(read_page)), now_(std::move(now)), ring_(ring_events_max) {}

bool log_window::append(const std::vector<revocation_event>& events, cursor position,
                        std::optional<instant> as_of) {
  auto before = ring_.last();
  ring_.append(events, position);
  if (as_of)
    as_of_ = as_of;
  return ring_.last() != before;
}

void log_window::start_over(cursor position, std::string reason) {
  has_position_ = true;
  as_of_.reset();
  reset_reason_ = std::move(reason);
  ring_.reset(position);
}

std::optional<std::chrono::nanoseconds> log_window::age() const {
  return as_of_ ? std::optional{now_() - *as_of_} : std::nullopt;
}

store::read_events::result log_window::up_to_ring(store::read_events::result page) const {
  if (page.last.epoch != ring_.last().epoch)
    return {false, {}, ring_.last()};
  auto end = ring_.last().seq;
  auto is_beyond = [end](const revocation_event& event) { return event.seq > end; };
  page.events.erase(std::find_if(page.events.begin(), page.events.end(), is_beyond), page.events.end());
  page.last.seq = std::min(page.last.seq, end);
  return page;
}

} // namespace portcullis::feed
