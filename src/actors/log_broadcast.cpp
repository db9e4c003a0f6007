#include "actors/log_broadcast.hpp"

#include "core/invariant.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace portcullis {

// -- one sink ----------------------------------------------------------------------------------------------

void sink_outbox::put(epoch_changed news) {
  epoch_ = std::move(news);
  warmed_.reset();
  progress_.reset();
}

void sink_outbox::put(cache_warmed news) {
  warmed_ = news;
}

/// Everything committed until the later of the two reads began, and up to the later position, is in the events of
/// both, so the merged message may renew the lease as of the later one.
void sink_outbox::put(log_progress news) {
  if (!progress_) {
    progress_ = std::move(news);
    return;
  }
  progress_->read_began = std::max(progress_->read_began, news.read_began);
  progress_->position = news.position;
  if (news.clock)
    progress_->clock = news.clock;
  progress_->events.insert(progress_->events.end(), std::make_move_iterator(news.events.begin()),
                           std::make_move_iterator(news.events.end()));
  check_invariants();
}

const log_news* sink_outbox::next() {
  if (on_its_way_)
    return nullptr;
  if (epoch_)
    on_its_way_ = *std::exchange(epoch_, std::nullopt);
  else if (warmed_)
    on_its_way_ = *std::exchange(warmed_, std::nullopt);
  else if (progress_)
    on_its_way_ = cut_progress();
  return on_its_way_ ? &*on_its_way_ : nullptr;
}

/// A part that is not the last renews nothing: what follows it was committed before the read began as well.
log_progress sink_outbox::cut_progress() {
  auto& events = progress_->events;
  if (events.size() <= message_events_max)
    return *std::exchange(progress_, std::nullopt);
  auto end = events.begin() + message_events_max;
  log_progress part;
  part.read_began = instant::min();
  part.events.assign(std::make_move_iterator(events.begin()), std::make_move_iterator(end));
  part.position = {progress_->position.epoch, part.events.back().seq};
  events.erase(events.begin(), end);
  return part;
}

log_news sink_outbox::taken() {
  PORTCULLIS_INVARIANT(on_its_way_.has_value());
  return *std::exchange(on_its_way_, std::nullopt);
}

bool sink_outbox::is_busy() const noexcept {
  return on_its_way_.has_value();
}

bool sink_outbox::has_waiting() const noexcept {
  return epoch_ || warmed_ || progress_;
}

std::size_t sink_outbox::waiting_events() const noexcept {
  return progress_ ? progress_->events.size() : 0;
}

void sink_outbox::check_invariants() const {
  PORTCULLIS_INVARIANT(std::is_sorted(progress_->events.begin(), progress_->events.end(),
                                      [](const auto& a, const auto& b) { return a.seq < b.seq; }));
  PORTCULLIS_INVARIANT(progress_->events.empty() || progress_->events.back().seq <= progress_->position.seq);
}

// -- all of them -------------------------------------------------------------------------------------------

log_broadcast::log_broadcast(std::size_t sinks) : outboxes_(sinks, sink_outbox{}) {
  // nop
}

void log_broadcast::taken(std::size_t sink) {
  if (!outboxes_[sink])
    return;
  auto news = outboxes_[sink]->taken();
  if (sink != first)
    return;
  for (std::size_t other = first + 1; other < outboxes_.size(); ++other)
    if (outboxes_[other])
      std::visit([&](const auto& message) { outboxes_[other]->put(message); }, news);
}

void log_broadcast::gone(std::size_t sink) {
  outboxes_[sink].reset();
}

bool log_broadcast::is_first_behind() const noexcept {
  const auto& box = outboxes_[first];
  return box && (box->is_busy() || box->has_waiting());
}

bool log_broadcast::has_waiting() const noexcept {
  return std::any_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& box) { return box && box->has_waiting(); });
}

bool log_broadcast::is_full() const noexcept {
  return std::any_of(outboxes_.begin(), outboxes_.end(),
                     [](const auto& box) { return box && box->waiting_events() >= waiting_events_max; });
}

} // namespace portcullis
