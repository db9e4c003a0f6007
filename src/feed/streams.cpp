#include "feed/streams.hpp"

#include "core/canary.hpp"
#include "core/failpoint.hpp"
#include "feed/event_stream.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <utility>

namespace portcullis::feed {

namespace {

/// Canaries count in no number but their own.
bool is_counted(const revocation_event& event) noexcept {
  return !is_of_canary(event);
}

} // namespace

void streams::visit_everyone() noexcept {
  visits_left_ = subscribers_.size();
}

void streams::visit_one() {
  if (!due_.empty()) {
    auto* s = find(due_.front());
    due_.pop_front();
    if (s != nullptr)
      visit(*s);
    return;
  }
  if (visits_left_ == 0 || subscribers_.empty())
    return;
  --visits_left_;
  next_visit_ = (next_visit_ + 1) % subscribers_.size();
  visit(subscribers_[next_visit_]);
}

void streams::take_away_removed() {
  if (removed_ == 0)
    return;
  subscribers_.erase(
    std::remove_if(subscribers_.begin(), subscribers_.end(), [](const subscriber& s) { return s.is_removed; }),
    subscribers_.end());
  removed_ = 0;
  visits_left_ = std::min(visits_left_, subscribers_.size());
}

cursor streams::first_position(std::optional<cursor> wanted) const {
  bool resumes = wanted && wanted->epoch == log_.ring().last().epoch && !fails(failpoint::resume_from_cursor);
  return resumes ? *wanted : log_.ring().last();
}

streams::subscriber_id streams::add(std::unique_ptr<http::stream> to, std::optional<cursor> wanted,
                                    follower_origin who) {
  auto& s = subscribers_.emplace_back();
  s.id = next_id_++;
  s.to = std::move(to);
  s.position = fails(failpoint::resume_from_cursor) ? log_.ring().last() : wanted.value_or(log_.ring().last());
  s.written_at = log_.now();
  s.who = std::move(who);
  s.since = s.written_at;
  due_.push_back(s.id);
  // The cursor of an event that was acknowledged elsewhere, or none at all: the table knows.
  auto id = s.id;
  if (log_.ring().find(s.position) == event_ring::reach::ahead)
    read_table(s);
  return id;
}

void streams::list(std::vector<follower_state>& into) const {
  for (const auto& s : subscribers_)
    if (!s.is_removed)
      into.push_back({true, s.who, s.position, 0, s.since});
}

streams::subscriber* streams::find(subscriber_id which) noexcept {
  auto i = std::lower_bound(subscribers_.begin(), subscribers_.end(), which,
                            [](const subscriber& s, subscriber_id id) { return s.id < id; });
  return i != subscribers_.end() && i->id == which ? &*i : nullptr;
}

void streams::remove(subscriber_id which) {
  auto* s = find(which);
  if (s == nullptr || std::exchange(s->is_removed, true))
    return;
  ++removed_;
}

void streams::drained(subscriber_id which) {
  if (auto* s = find(which))
    visit(*s);
}

void streams::visit(subscriber& s) {
  if (s.is_removed || !s.to->is_open() || s.is_reading_table)
    return;
  if (s.position.epoch != log_.ring().last().epoch)
    write_reset(s, s.is_live ? std::string_view{log_.reset_reason()} : "the cursor is from another history");
  else if (s.position.seq < log_.ring().last().seq)
    write_from_ring(s);
  else if (log_.ring().find(s.position) == event_ring::reach::held)
    s.is_live = true;
  if (s.to->unsent() == 0 && log_.now() - s.written_at >= limits_.heartbeat_interval) {
    s.written_at = log_.now();
    http::byte_buffer beat;
    append_heartbeat(beat);
    s.to->append({beat.data(), beat.size()});
  }
}

void streams::write_reset(subscriber& s, std::string_view reason) {
  s.position = log_.ring().last();
  s.written_at = log_.now();
  http::byte_buffer block;
  append_reset(block, reason, s.position);
  s.to->append({block.data(), block.size()});
}

void streams::write_from_ring(subscriber& s) {
  auto unsent = s.to->unsent();
  if (log_.ring().find(s.position) == event_ring::reach::too_old)
    return read_table(s);
  if (!s.is_live && unsent > 0)
    return; // it gets its next page once the last one has left
  std::uint64_t reached = 0;
  auto& bytes = encoded(s.position.seq, &reached);
  bool has_room = unsent == 0 || unsent + bytes.size() <= limits_.subscriber_buffer_bytes_max;
  if (!has_room && !fails(failpoint::subscriber_bound))
    return cut(s, "it does not keep up");
  s.position.seq = reached;
  s.is_live = s.is_live || reached == log_.ring().last().seq;
  if (reached < log_.ring().last().seq)
    due_.push_back(s.id); // the next page
  if (bytes.empty())
    return;
  s.written_at = log_.now();
  delivered_ += encoded_events_;
  s.to->append({bytes.data(), bytes.size()});
}

/// The next page of the ring after a position. Most streams are at the same one, so the last page is kept.
const http::byte_buffer& streams::encoded(std::uint64_t after, std::uint64_t* reached) {
  cursor from{log_.ring().last().epoch, after};
  bool is_same = is_encoded_ && encoded_from_ == from && (is_full_page_ || encoded_to_ == log_.ring().last().seq);
  if (!is_same) {
    encoded_.clear();
    auto events = log_.ring().after(after, limits_.page_events_max);
    for (auto& event : events)
      append_event(encoded_, event, from.epoch);
    is_full_page_ = events.size() == limits_.page_events_max;
    encoded_from_ = from;
    encoded_to_ = is_full_page_ ? events.back().seq : log_.ring().last().seq;
    encoded_events_ = static_cast<std::size_t>(std::count_if(events.begin(), events.end(), is_counted));
    note_delay(events);
    is_encoded_ = true;
  }
  *reached = encoded_to_;
  return encoded_;
}

/// What is encoded again, for one that lags, was on its way before.
void streams::note_delay(const std::vector<revocation_event>& events) {
  const auto epoch = log_.ring().last().epoch;
  if (delay_noted_.epoch != epoch)
    delay_noted_ = {epoch, 0};
  for (auto& event : events) {
    if (!is_counted(event) || event.seq <= delay_noted_.seq || event.happened == instant::min())
      continue;
    delay_noted_.seq = event.seq;
    delay_.observe(log_.now() - event.happened);
  }
}

void streams::read_table(subscriber& s) {
  s.is_reading_table = true;
  log_.read_page({s.position, limits_.page_events_max},
                 [this, which = s.id](const page_result& page) { continue_from_table(which, page); });
}

void streams::continue_from_table(subscriber_id which, const page_result& page) {
  auto* s = find(which);
  if (s == nullptr)
    return;
  s->is_reading_table = false;
  if (!page)
    return cut(*s, "old events cannot be read"); // without the page it would have a hole; it resumes by its cursor
  if (s->position.epoch == log_.ring().last().epoch) {
    if (page->reset)
      return write_reset(*s, "the cursor is too old");
    auto told = log_.up_to_ring(*page);
    http::byte_buffer bytes;
    for (auto& event : told.events)
      if (event.seq > s->position.seq) {
        append_event(bytes, event, told.last.epoch);
        delivered_ += is_counted(event) ? 1 : 0;
      }
    if (!bytes.empty()) {
      s->written_at = log_.now();
      s->to->append({bytes.data(), bytes.size()});
    }
    s->position.seq = std::max(s->position.seq, told.last.seq); // one that was ahead of the ring stays so
  }
  visit(*s);
}

void streams::cut(subscriber& s, const char* reason) {
  ++cut_;
  log::warn("subscriber cut off", {{"reason", reason}, {"unsent_bytes", s.to->unsent()}});
  s.to->cut();
}

} // namespace portcullis::feed
