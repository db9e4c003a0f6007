#include "actors/revocation_feed.hpp"

#include "core/failpoint.hpp"
#include "telemetry/log.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

void revocation_feed_state::round() {
  if (ensure_open() && catch_up()) {
    backoff_ = std::chrono::nanoseconds{0};
    if (std::exchange(in_trouble_, false))
      log::info("revocation log is read again");
  }
  wait();
}

bool revocation_feed_state::ensure_open() {
  if (!from.log->is_open()) {
    if (auto err = from.log->open(deadline()); err.code != errc::none) {
      trouble(err);
      return false;
    }
  }
  if (!position_ && !start_at_end("the service has started"))
    return false;
  return is_warm_ || warm();
}

/// Takes the end of the log as the position. Whatever memory held before belongs to another history, and so does
/// what a read found that began before the position was known here: such a read may lack a revocation that comes
/// before the position in the log, and of that no event will tell.
bool revocation_feed_state::start_at_end(const std::string& reason) {
  cursor end;
  instant noticed{};
  if (fails(failpoint::stamp_after_position))
    noticed = options.now();
  if (auto err = from.log->position(&end, deadline()); err.code != errc::none) {
    trouble(err);
    return false;
  }
  position_ = end;
  is_warm_ = false;
  if (!fails(failpoint::stamp_after_position))
    noticed = options.now();
  tell_history({end, reason, noticed});
  return true;
}

bool revocation_feed_state::warm() {
  if (from.snapshot == nullptr) {
    is_warm_ = true;
    tell_warmed({0});
    return true;
  }
  auto began = options.now();
  std::size_t sessions = 0;
  auto err = from.snapshot->stream_active(
    options.warm_entries_max,
    [&](std::vector<warm_session>&& entries) {
      sessions += entries.size();
      return hand_over({std::move(entries), began});
    },
    began + options.warm_timeout);
  if (err.code != errc::none) {
    trouble(err);
    return false;
  }
  if (fails(failpoint::cursor_before_snapshot))
    from.log->position(&*position_, deadline());
  is_warm_ = true;
  log::info("session cache is warm",
            {{"sessions", sessions},
             {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(options.now() - began).count()}});
  tell_warmed({sessions});
  return true;
}

/// Reads pages until the log has no more, telling the sinks of each. Only the read that reached the end
/// renews the lease on memory, as of the instant at which it began.
bool revocation_feed_state::catch_up() {
  for (bool has_more = true; has_more;) {
    log_page page;
    if (auto err = from.log->read(*position_, &page, deadline()); err.code != errc::none) {
      trouble(err);
      return false;
    }
    if (page.reset && !fails(failpoint::epoch_check)) {
      log::warn("revocation log has another history", {{"position", to_string(*position_)}});
      return start_at_end("the revocation log has another history") && warm() && catch_up();
    }
    position_ = page.last;
    has_more = page.has_more;
    tell_progress({has_more ? instant::min() : page.as_of, page.last, std::move(page.events)});
  }
  if (std::exchange(must_notify_, false) && from.notifier != nullptr) {
    if (auto err = from.notifier->notify(deadline()); err.code != errc::none) {
      trouble(err);
      return false;
    }
  }
  return true;
}

void revocation_feed_state::wait() {
  auto timeout = from.log->is_open() ? options.poll_interval : backoff_;
  if (from.log->wait(timeout) == log_source::wake::notified)
    must_notify_ = true;
}

void revocation_feed_state::trouble(const failure& what) {
  backoff_ = std::clamp(backoff_ * 2, options.backoff_min, options.backoff_max);
  std::uniform_real_distribution<double> spread{0.5, 1.0};
  backoff_ =
    std::chrono::nanoseconds{static_cast<std::int64_t>(spread(jitter_) * static_cast<double>(backoff_.count()))};
  if (!std::exchange(in_trouble_, true))
    log::warn("revocation log cannot be read", {{"reason", what.detail}});
}

instant revocation_feed_state::deadline() const {
  return options.now() + options.operation_timeout;
}

revocation_feed_actor::behavior_type revocation_feed(
  revocation_feed_actor::stateful_pointer<revocation_feed_state> self, revocation_feed_options options,
  std::shared_ptr<log_sources> from, session_cache_actor cache,
  std::vector<revocation_sink_actor> others) {
  auto& state = self->state;
  state.options = std::move(options);
  state.from = std::move(*from);
  state.hand_over = [self, cache](warm_sessions&& part) {
    bool taken = false;
    caf::scoped_actor waiter{self->system()};
    waiter->request(cache, caf::infinite, std::move(part))
      .receive([&](const applied&) { taken = true; }, [](const caf::error&) {});
    return taken;
  };
  // Waits until a sink has taken the news before the next hears of it: never more than one is on its way.
  auto tell = [self, cache, others](auto&& news) {
    caf::scoped_actor waiter{self->system()};
    auto wait_for = [&](const auto& sink) {
      waiter->request(sink, caf::infinite, news).receive([](const applied&) {}, [](const caf::error&) {});
    };
    wait_for(cache);
    for (auto& sink : others)
      wait_for(sink);
  };
  state.tell_progress = tell;
  state.tell_history = tell;
  state.tell_warmed = tell;
  self->send(self, tick_atom_v);
  return {
    [self](tick_atom) {
      self->state.round();
      self->send(self, tick_atom_v);
    },
  };
}

} // namespace portcullis
