#include "actors/reaper.hpp"

#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

void reaper_state::init(self_pointer owner, reaper_options opts, reaper_store_actor where,
                        log_wakeup_ptr feed_bell, sources clocks) {
  self_ = owner;
  options_ = opts;
  store_ = std::move(where);
  wakeup_ = std::move(feed_bell);
  clocks_ = clocks;
  next_at_ = clocks_.monotonic() + options_.interval;
}

void reaper_state::tick() {
  if (stage_ == stage::idle && clocks_.monotonic() >= next_at_)
    start_sweep();
}

void reaper_state::start_sweep() {
  stage_ = stage::guests;
  began_ = clocks_.monotonic();
  reported_ = began_;
  swept_at_ = clocks_.wall_clock();
  current_ = {};
  guests_reached_ = {};
  sessions_reached_ = {};
  current_.started_at = swept_at_;
  step();
}

timestamp reaper_state::cutoff(std::chrono::nanoseconds retention) const {
  return swept_at_ - std::chrono::duration_cast<std::chrono::microseconds>(retention);
}

/// One transaction of the stage that the sweep is in.
void reaper_state::step() {
  auto fail = [this](const caf::error& err) { failed(err); };
  switch (stage_) {
  case stage::idle:
    break;
  case stage::guests:
    self_
      ->request(store_, caf::infinite,
                store::reap_guests{cutoff(options_.guest_retention),
                                guests_reached_,
                                options_.batch_rows_max,
                                false,
                                {"abandoned guest", "reaper"}})
      .then(
        [this](const store::reap_guests::result& done) {
          current_.guests += done.guests;
          guests_reached_ = done.reached;
          swept(done.guests, done.is_leader, done.has_more);
        },
        fail);
    break;
  case stage::sessions:
    self_
      ->request(
        store_, caf::infinite,
        store::delete_dead_sessions{cutoff(options_.revoked_retention), sessions_reached_, options_.batch_rows_max})
      .then(
        [this](const store::delete_dead_sessions::result& done) {
          current_.sessions += done.deleted;
          sessions_reached_ = done.reached;
          swept(done.deleted, done.is_leader, done.has_more);
        },
        fail);
    break;
  case stage::events:
    self_
      ->request(store_, caf::infinite, store::prune_events{cutoff(options_.event_retention), options_.batch_rows_max})
      .then(
        [this](const store::prune_events::result& done) {
          current_.events += done.deleted;
          swept(done.deleted, done.is_leader, done.has_more);
        },
        fail);
    break;
  }
}

/// A transaction is committed: tell the feed, then go on with the same stage, the next, or home.
void reaper_state::swept(std::size_t rows, bool is_leader, bool has_more) {
  if (std::exchange(backoff_, std::chrono::nanoseconds{0}).count() != 0)
    log::info("reaper works again");
  if (rows > 0 && stage_ == stage::guests)
    wakeup_->notify();
  if (!is_leader) {
    current_.is_leader = false;
    finish();
    return;
  }
  report_progress();
  if (!has_more) {
    if (stage_ == stage::events) {
      finish();
      return;
    }
    stage_ = stage_ == stage::guests ? stage::sessions : stage::events;
  }
  self_->delayed_send(self_, options_.pause, step_atom_v);
}

void reaper_state::report_progress() {
  auto now = clocks_.monotonic();
  if (now - reported_ < options_.progress_every)
    return;
  reported_ = now;
  log::info("reaper is sweeping",
            {{"guests", current_.guests}, {"sessions", current_.sessions}, {"events", current_.events}});
}

void reaper_state::finish() {
  auto now = clocks_.monotonic();
  stage_ = stage::idle;
  next_at_ = now + options_.interval;
  current_.took = now - began_;
  last_ = current_;
  if (current_.guests + current_.sessions + current_.events > 0)
    log::info("reaper has swept",
              {{"guests", current_.guests},
               {"sessions", current_.sessions},
               {"events", current_.events},
               {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(current_.took).count()}});
  for (auto& promise : std::exchange(waiting_, {}))
    promise.deliver(current_);
}

void reaper_state::failed(const caf::error& err) {
  auto what = to_failure(err);
  if (backoff_.count() == 0)
    log::warn("reaper failed", {{"reason", what.detail}, {"code", to_string(what.code)}});
  auto longest = std::max(options_.backoff_min, std::min(options_.backoff_max, options_.interval));
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, longest);
  auto now = clocks_.monotonic();
  stage_ = stage::idle;
  next_at_ = now + backoff_;
  current_.took = now - began_;
  current_.error = what.code;
  last_ = current_;
  for (auto& promise : std::exchange(waiting_, {}))
    promise.deliver(err);
}

/// A dry run counts and changes nothing. Otherwise the caller waits for the sweep that runs, or for one that
/// starts now.
caf::result<reaper_run> reaper_state::run_now(const run_reaper& order) {
  auto promise = self_->make_response_promise<reaper_run>();
  if (!order.dry_run) {
    waiting_.push_back(promise);
    if (stage_ == stage::idle)
      start_sweep();
    return promise;
  }
  reaper_run counted;
  counted.started_at = clocks_.wall_clock();
  counted.dry_run = true;
  auto created_before =
    counted.started_at - std::chrono::duration_cast<std::chrono::microseconds>(options_.guest_retention);
  self_->request(store_, caf::infinite, store::reap_guests{created_before, {}, options_.batch_rows_max, true, {}})
    .then(
      [promise, counted](const store::reap_guests::result& found) mutable {
        counted.guests = found.guests;
        promise.deliver(counted);
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

reaper_status reaper_state::status() const {
  reaper_status result;
  result.is_running = stage_ != stage::idle;
  if (result.is_running)
    result.current = current_;
  result.last = last_;
  auto until_next = next_at_ - clocks_.monotonic();
  result.next_at = clocks_.wall_clock() + std::chrono::duration_cast<std::chrono::microseconds>(until_next);
  return result;
}

reaper_actor::behavior_type reaper(reaper_state::self_pointer self, reaper_options options,
                                   reaper_store_actor store, log_wakeup_ptr wakeup, sources clocks) {
  auto tick = options.tick;
  self->state.init(self, options, std::move(store), std::move(wakeup), clocks);
  self->delayed_send(self, tick, tick_atom_v);
  return {
    [self, tick](tick_atom) {
      self->state.tick();
      self->delayed_send(self, tick, tick_atom_v);
    },
    [self](step_atom) { self->state.step(); },
    [self](const run_reaper& order) { return self->state.run_now(order); },
    [self](const read_reaper_status&) { return self->state.status(); },
  };
}

} // namespace portcullis
