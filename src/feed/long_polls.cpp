#include "feed/long_polls.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace portcullis::feed {

void long_polls::check_one() {
  if (checks_left_ == 0)
    return;
  --checks_left_;
  if (polls_.empty())
    return;
  auto oldest = std::move(polls_.front());
  polls_.pop_front();
  check(std::move(oldest));
}

void long_polls::stop() noexcept {
  is_stopping_ = true;
  check_everyone();
}

void long_polls::add(cursor from, std::size_t limit, instant deadline, std::unique_ptr<poll_reply> to,
                     follower_origin who) {
  check({from, limit, deadline, std::move(to), std::move(who), log_.now()});
}

void long_polls::list(std::vector<follower_state>& into) const {
  for (const auto& p : polls_)
    if (!p.to->is_gone())
      into.push_back({false, p.who, p.from, 0, p.since});
}

/// Answers one, or has it wait on.
void long_polls::check(waiting_poll p) {
  if (p.to->is_gone())
    return;
  switch (log_.ring().find(p.from)) {
  case event_ring::reach::from_another_history:
    return p.to->reset(log_.ring().last());
  case event_ring::reach::too_old:
    return read_poll_page(std::move(p));
  case event_ring::reach::ahead:
    // Whether there is such a position only the table knows; but it is asked once, and then the ring is waited
    // for.
    if (!p.is_known)
      return read_poll_page(std::move(p));
    break;
  case event_ring::reach::held:
    if (answer_from_ring(p))
      return;
    break;
  }
  if (p.deadline <= log_.now() || is_stopping_)
    return p.to->events({}, p.from);
  auto is_gone = [](const waiting_poll& w) { return w.to->is_gone(); };
  if (polls_.size() >= limits_.subscribers_max)
    polls_.erase(std::remove_if(polls_.begin(), polls_.end(), is_gone), polls_.end());
  if (polls_.size() >= limits_.subscribers_max)
    return p.to->fail({errc::connection_limit, "too many subscribers"});
  polls_.push_back(std::move(p));
}

bool long_polls::answer_from_ring(waiting_poll& p) const {
  auto events = log_.ring().after(p.from.seq, p.limit);
  if (events.empty())
    return false;
  p.to->events(events, {p.from.epoch, events.back().seq});
  return true;
}

void long_polls::read_poll_page(waiting_poll p) {
  auto waiting = std::make_shared<waiting_poll>(std::move(p));
  log_.read_page({waiting->from, waiting->limit}, [this, waiting](const page_result& page) {
    if (!page)
      return waiting->to->fail(page.error());
    if (page->reset || page->last.epoch != log_.ring().last().epoch)
      return waiting->to->reset(page->reset ? page->last : log_.ring().last());
    auto told = log_.up_to_ring(*page);
    if (!told.events.empty())
      return waiting->to->events(told.events, told.last);
    waiting->is_known = true;
    if (log_.ring().find(waiting->from) == event_ring::reach::too_old)
      waiting->from = told.last; // there was nothing between
    check(std::move(*waiting));
  });
}

} // namespace portcullis::feed
