#include "feed/hub.hpp"

#include "core/failpoint.hpp"
#include "feed/event_stream.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace portcullis::feed {

hub::hub(const hub_limits& limits, page_reader read_page, std::function<instant()> now)
  : limits_(limits), read_page_(std::move(read_page)), now_(std::move(now)), ring_(limits.ring_events_max) {}

// -- the log -----------------------------------------------------------------------------------------------

void hub::append(const std::vector<revocation_event>& events, cursor position, std::optional<instant> as_of) {
  auto before = ring_.last().seq;
  ring_.append(events, position);
  if (as_of)
    as_of_ = as_of;
  if (ring_.last().seq != before)
    visit_everyone();
}

void hub::start_over(cursor position, std::string reason) {
  has_position_ = true;
  as_of_.reset();
  reset_reason_ = std::move(reason);
  ring_.reset(position);
  is_encoded_ = false;
  visit_everyone();
}

std::optional<std::chrono::nanoseconds> hub::log_age() const {
  return as_of_ ? std::optional{now_() - *as_of_} : std::nullopt;
}

void hub::visit_everyone() noexcept {
  visits_left_ = subscribers_.size();
  checks_left_ = polls_.size();
}

bool hub::work() {
  take_away_removed();
  auto until = now_() + limits_.turn_max;
  do {
    if (!due_.empty()) {
      auto* s = find(due_.front());
      due_.pop_front();
      if (s != nullptr)
        visit(*s);
    } else if (checks_left_ > 0) {
      check_next();
    } else if (visits_left_ > 0) {
      visit_next();
    }
  } while (has_work() && now_() < until);
  return has_work();
}

void hub::visit_next() {
  --visits_left_;
  if (subscribers_.empty())
    return;
  next_visit_ = (next_visit_ + 1) % subscribers_.size();
  visit(subscribers_[next_visit_]);
}

void hub::check_next() {
  --checks_left_;
  if (polls_.empty())
    return;
  auto oldest = std::move(polls_.front());
  polls_.pop_front();
  check(std::move(oldest));
}

/// To write to a stream can end it, so a place is not taken away while somebody looks at it.
void hub::take_away_removed() {
  if (removed_ == 0)
    return;
  subscribers_.erase(
    std::remove_if(subscribers_.begin(), subscribers_.end(), [](const subscriber& s) { return s.is_removed; }),
    subscribers_.end());
  removed_ = 0;
  visits_left_ = std::min(visits_left_, subscribers_.size());
}

void hub::tick() {
  take_away_removed();
  visits_left_ = std::max(visits_left_, subscribers_.size());
  checks_left_ = std::max(checks_left_, polls_.size());
}

void hub::stop() {
  is_stopping_ = true;
  checks_left_ = polls_.size();
}

hub::numbers hub::count() const noexcept {
  return {subscribers_.size(), polls_.size(), cut_, delivered_};
}

// -- streams -----------------------------------------------------------------------------------------------

cursor hub::first_position(std::optional<cursor> wanted) const {
  bool resumes = wanted && wanted->epoch == ring_.last().epoch && !fails(failpoint::resume_from_cursor);
  return resumes ? *wanted : ring_.last();
}

hub::subscriber_id hub::add(std::unique_ptr<http::stream> to, std::optional<cursor> wanted) {
  auto& s = subscribers_.emplace_back();
  s.id = next_id_++;
  s.to = std::move(to);
  s.position = fails(failpoint::resume_from_cursor) ? ring_.last() : wanted.value_or(ring_.last());
  s.written_at = now_();
  due_.push_back(s.id);
  // The cursor of an event that was acknowledged elsewhere, or none at all: the table knows.
  auto id = s.id;
  if (ring_.find(s.position) == event_ring::reach::ahead)
    read_table(s);
  return id;
}

hub::subscriber* hub::find(subscriber_id which) noexcept {
  auto i = std::lower_bound(subscribers_.begin(), subscribers_.end(), which,
                            [](const subscriber& s, subscriber_id id) { return s.id < id; });
  return i != subscribers_.end() && i->id == which ? &*i : nullptr;
}

void hub::remove(subscriber_id which) {
  auto* s = find(which);
  if (s == nullptr || std::exchange(s->is_removed, true))
    return;
  ++removed_;
}

void hub::drained(subscriber_id which) {
  if (auto* s = find(which))
    visit(*s);
}

void hub::visit(subscriber& s) {
  if (s.is_removed || !s.to->is_open() || s.is_reading_table)
    return;
  if (s.position.epoch != ring_.last().epoch)
    write_reset(s, s.is_live ? std::string_view{reset_reason_} : "the cursor is from another history");
  else if (s.position.seq < ring_.last().seq)
    write_from_ring(s);
  else if (ring_.find(s.position) == event_ring::reach::held)
    s.is_live = true;
  if (s.to->unsent() == 0 && now_() - s.written_at >= limits_.heartbeat_interval) {
    s.written_at = now_();
    http::byte_buffer beat;
    append_heartbeat(beat);
    s.to->append({beat.data(), beat.size()});
  }
}

void hub::write_reset(subscriber& s, std::string_view reason) {
  s.position = ring_.last();
  s.written_at = now_();
  http::byte_buffer block;
  append_reset(block, reason, s.position);
  s.to->append({block.data(), block.size()});
}

void hub::write_from_ring(subscriber& s) {
  auto unsent = s.to->unsent();
  if (ring_.find(s.position) == event_ring::reach::too_old)
    return read_table(s);
  if (!s.is_live && unsent > 0)
    return; // it gets its next page once the last one has left
  std::uint64_t reached = 0;
  auto& bytes = encoded(s.position.seq, &reached);
  bool has_room = unsent == 0 || unsent + bytes.size() <= limits_.subscriber_buffer_bytes_max;
  if (!has_room && !fails(failpoint::subscriber_bound))
    return cut(s, "it does not keep up");
  s.position.seq = reached;
  s.is_live = s.is_live || reached == ring_.last().seq;
  if (reached < ring_.last().seq)
    due_.push_back(s.id); // the next page
  if (bytes.empty())
    return;
  s.written_at = now_();
  delivered_ += encoded_events_;
  s.to->append({bytes.data(), bytes.size()});
}

/// The next page of the ring after a position. Most streams are at the same one, so the last page is kept.
const http::byte_buffer& hub::encoded(std::uint64_t after, std::uint64_t* reached) {
  cursor from{ring_.last().epoch, after};
  bool is_same = is_encoded_ && encoded_from_ == from && (is_full_page_ || encoded_to_ == ring_.last().seq);
  if (!is_same) {
    encoded_.clear();
    auto events = ring_.after(after, limits_.page_events_max);
    for (auto& event : events)
      append_event(encoded_, event, from.epoch);
    is_full_page_ = events.size() == limits_.page_events_max;
    encoded_from_ = from;
    encoded_to_ = is_full_page_ ? events.back().seq : ring_.last().seq;
    encoded_events_ = events.size();
    is_encoded_ = true;
  }
  *reached = encoded_to_;
  return encoded_;
}

void hub::read_table(subscriber& s) {
  s.is_reading_table = true;
  read_page_({s.position, limits_.page_events_max},
             [this, which = s.id](const page_result& page) { continue_from_table(which, page); });
}

void hub::continue_from_table(subscriber_id which, const page_result& page) {
  auto* s = find(which);
  if (s == nullptr)
    return;
  s->is_reading_table = false;
  if (!page)
    return cut(*s, "old events cannot be read"); // without the page it would have a hole; it resumes by its cursor
  if (s->position.epoch == ring_.last().epoch) {
    if (page->reset)
      return write_reset(*s, "the cursor is too old");
    auto told = up_to_ring(*page);
    http::byte_buffer bytes;
    for (auto& event : told.events)
      if (event.seq > s->position.seq) {
        append_event(bytes, event, told.last.epoch);
        ++delivered_;
      }
    if (!bytes.empty()) {
      s->written_at = now_();
      s->to->append({bytes.data(), bytes.size()});
    }
    s->position.seq = std::max(s->position.seq, told.last.seq); // one that was ahead of the ring stays so
  }
  visit(*s);
}

/// The page up to the ring's end. What the table has beyond it the cache here may not have applied yet, and nobody
/// is to hear of a revocation from a replica that does not honour it: it comes by the ring, in a moment.
store::read_events::result hub::up_to_ring(store::read_events::result page) const {
  if (page.last.epoch != ring_.last().epoch)
    return {false, {}, ring_.last()};
  auto end = ring_.last().seq;
  auto is_beyond = [end](const revocation_event& event) { return event.seq > end; };
  page.events.erase(std::find_if(page.events.begin(), page.events.end(), is_beyond), page.events.end());
  page.last.seq = std::min(page.last.seq, end);
  return page;
}

void hub::cut(subscriber& s, const char* reason) {
  ++cut_;
  log::warn("subscriber cut off", {{"reason", reason}, {"unsent_bytes", s.to->unsent()}});
  s.to->cut();
}

// -- long polls --------------------------------------------------------------------------------------------

void hub::poll(cursor from, std::size_t limit, instant deadline, std::unique_ptr<poll_reply> to) {
  check({from, limit, deadline, std::move(to)});
}

/// Answers one, or has it wait on.
void hub::check(waiting_poll p) {
  if (p.to->is_gone())
    return;
  switch (ring_.find(p.from)) {
  case event_ring::reach::from_another_history:
    return p.to->reset(ring_.last());
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
  if (p.deadline <= now_() || is_stopping_)
    return p.to->events({}, p.from);
  auto is_gone = [](const waiting_poll& w) { return w.to->is_gone(); };
  if (polls_.size() >= limits_.subscribers_max)
    polls_.erase(std::remove_if(polls_.begin(), polls_.end(), is_gone), polls_.end());
  if (polls_.size() >= limits_.subscribers_max)
    return p.to->fail({errc::connection_limit, "too many subscribers"});
  polls_.push_back(std::move(p));
}

bool hub::answer_from_ring(waiting_poll& p) const {
  auto events = ring_.after(p.from.seq, p.limit);
  if (events.empty())
    return false;
  p.to->events(events, {p.from.epoch, events.back().seq});
  return true;
}

void hub::read_poll_page(waiting_poll p) {
  auto waiting = std::make_shared<waiting_poll>(std::move(p));
  read_page_({waiting->from, waiting->limit}, [this, waiting](const page_result& page) {
    if (!page)
      return waiting->to->fail(page.error());
    if (page->reset || page->last.epoch != ring_.last().epoch)
      return waiting->to->reset(page->reset ? page->last : ring_.last());
    auto told = up_to_ring(*page);
    if (!told.events.empty())
      return waiting->to->events(told.events, told.last);
    waiting->is_known = true;
    if (ring_.find(waiting->from) == event_ring::reach::too_old)
      waiting->from = told.last; // there was nothing between
    check(std::move(*waiting));
  });
}

} // namespace portcullis::feed
