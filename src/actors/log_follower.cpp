#include "actors/log_follower.hpp"

#include "core/failpoint.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portcullis {

log_follower::log_follower(revocation_feed_options options, log_sources from, listener to)
  : options_(std::move(options)), from_(std::move(from)), to_(std::move(to)), jitter_(options_.seed) {
  // nop
}

bool log_follower::step() {
  if (!ensure_open())
    return false;
  // The cache must have taken the change of epoch before it is warmed, so the caller delivers it first.
  if (!position_)
    return start_at_end("the service has started");
  bool has_more = false;
  if (!ensure_warm() || !read_page(has_more))
    return false;
  backoff_ = std::chrono::nanoseconds{0};
  if (std::exchange(in_trouble_, false))
    log::info("revocation log is read again");
  return has_more;
}

bool log_follower::ensure_open() {
  if (from_.log->is_open())
    return true;
  auto err = from_.log->open(deadline());
  if (err.code == errc::none)
    return true;
  note_trouble(err);
  return false;
}

/// Takes the end of the log as the position. Whatever memory held before belongs to another epoch, and so does
/// what a read found that began before the position was known here: such a read may lack a revocation that comes
/// before the position in the log, and of that no event will tell.
bool log_follower::start_at_end(const std::string& reason) {
  cursor end;
  instant noticed{};
  if (fails(failpoint::stamp_after_position))
    noticed = options_.now();
  if (auto err = from_.log->position(&end, deadline()); err.code != errc::none) {
    note_trouble(err);
    return false;
  }
  position_ = end;
  is_warm_ = false;
  if (!fails(failpoint::stamp_after_position))
    noticed = options_.now();
  to_.tell(epoch_changed{end, reason, noticed});
  return true;
}

bool log_follower::ensure_warm() {
  if (is_warm_)
    return true;
  if (from_.snapshot == nullptr) {
    is_warm_ = true;
    to_.tell(cache_warmed{0});
    return true;
  }
  auto began = options_.now();
  std::size_t sessions = 0;
  auto err = from_.snapshot->stream_active(
    options_.warm_entries_max,
    [&](std::vector<warm_session>&& entries) {
      sessions += entries.size();
      return hand_over(std::move(entries), began);
    },
    began + options_.warm_timeout);
  if (err.code != errc::none) {
    note_trouble(err);
    return false;
  }
  if (fails(failpoint::cursor_before_snapshot))
    from_.log->position(&*position_, deadline());
  is_warm_ = true;
  log::info("session cache is warm",
            {{"sessions", sessions},
             {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(options_.now() - began).count()}});
  to_.tell(cache_warmed{sessions});
  return true;
}

bool log_follower::hand_over(std::vector<warm_session>&& entries, instant began) {
  for (auto next = entries.begin(); next != entries.end();) {
    auto count = std::min<std::ptrdiff_t>(warm_part_entries_max, entries.end() - next);
    warm_sessions part{{next, next + count}, began};
    if (!to_.hand_over(std::move(part)))
      return false;
    next += count;
  }
  return true;
}

/// Only a read that reached the end of the log renews the lease on memory, as of the instant at which it began.
bool log_follower::read_page(bool& has_more) {
  if (!pass_notification_on())
    return false;
  log_page page;
  if (auto err = from_.log->read(*position_, &page, deadline()); err.code != errc::none) {
    note_trouble(err);
    return false;
  }
  if (page.reset && !fails(failpoint::epoch_check)) {
    log::warn("revocation log has another epoch", {{"position", to_string(*position_)}});
    has_more = true;
    return start_at_end("the revocation log has another epoch");
  }
  position_ = page.last;
  has_more = page.has_more;
  to_.tell(log_progress{has_more ? instant::min() : page.as_of, page.last, std::move(page.events), page.clock});
  return true;
}

/// Before the read: what it tells of is committed, and the others need not wait for this replica's own read.
bool log_follower::pass_notification_on() {
  if (!std::exchange(must_notify_, false) || from_.notifier == nullptr)
    return true;
  auto err = from_.notifier->notify(deadline());
  if (err.code == errc::none)
    return true;
  note_trouble(err);
  return false;
}

void log_follower::wait() {
  wait_at_most(from_.log->is_open() ? options_.poll_interval : backoff_);
}

void log_follower::glance() {
  wait_at_most(std::chrono::nanoseconds{0});
}

void log_follower::wait_at_most(std::chrono::nanoseconds timeout) {
  if (from_.log->wait(timeout) == log_source::wake::notified)
    must_notify_ = true;
}

void log_follower::note_trouble(const failure& what) {
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  std::uniform_real_distribution<double> spread{0.5, 1.0};
  backoff_ =
    std::chrono::nanoseconds{static_cast<std::int64_t>(spread(jitter_) * static_cast<double>(backoff_.count()))};
  if (!std::exchange(in_trouble_, true))
    log::warn("revocation log cannot be read", {{"reason", what.detail}});
}

instant log_follower::deadline() const {
  return options_.now() + options_.operation_timeout;
}

} // namespace portcullis
