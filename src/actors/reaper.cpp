#include "actors/reaper.hpp"

#include "actors/mailbox.hpp"
#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace portcullis {

namespace {

audit_origin own_origin() {
  audit_origin own;
  own.actor = "reaper";
  return own;
}

} // namespace

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
    start_sweep(own_origin());
}

void reaper_state::start_sweep(audit_origin origin) {
  origin_ = std::move(origin);
  span_ = tracing::start_span("sweep", tracing::kind::internal, tracing::context_of(origin_.asked_by));
  enter(stage::clock);
  began_ = clocks_.monotonic();
  reported_ = began_;
  trouble_.reset();
  current_ = {};
  current_.started_at = clocks_.wall_clock(); // to be shown until the database has told its time
  step();
}

/// Each stage has a span, below which are those of its transactions.
void reaper_state::enter(stage next) {
  stage_ = next;
  stage_span_ = {};
  if (span_)
    stage_span_ = tracing::start_child("sweep " + std::string{name_of(next)}, tracing::kind::internal,
                                       tracing::point_of(span_));
  origin_.asked_by = tracing::point_of(stage_span_);
}

timestamp reaper_state::cutoff(timestamp now, std::chrono::nanoseconds retention) {
  return now - std::chrono::duration_cast<std::chrono::microseconds>(retention);
}

reaper_state::progress& reaper_state::progress_of_stage() {
  return progress_[static_cast<std::size_t>(stage_)];
}

std::size_t reaper_state::batch_rows() const {
  auto rows = progress_[static_cast<std::size_t>(stage_)].rows_max;
  return rows == 0 ? options_.batch_rows_max : rows;
}

/// One transaction of the stage that the sweep is in.
void reaper_state::step() {
  const auto& after = progress_of_stage().reached;
  auto before = [this](std::chrono::nanoseconds retention) { return cutoff(database_time_, retention); };
  switch (stage_) {
  case stage::idle:
    return;
  case stage::clock:
    self_->request(store_, caf::infinite, store::read_clock{origin_.asked_by})
      .then([this](const store::read_clock::result& is) { clock_read(is.now); },
            [this](const caf::error& err) { stage_failed(err); });
    return;
  case stage::guests:
    return ask_for_batch(
      store::reap_guests{
        before(options_.guest_retention), after, batch_rows(), false, {"abandoned guest", "reaper"}, origin_},
      &reaper_run::guests);
  case stage::sessions:
    return ask_for_batch(store::delete_dead_sessions{before(options_.revoked_retention), after, batch_rows()},
                         &reaper_run::sessions);
  case stage::generations:
    return ask_for_batch(store::delete_dead_generations{before(options_.revoked_retention), after, batch_rows()},
                         &reaper_run::sessions);
  case stage::expired_guests:
    return ask_for_batch(expired_batch(true), &reaper_run::sessions);
  case stage::expired:
    return ask_for_batch(expired_batch(false), &reaper_run::sessions);
  case stage::events:
    return ask_for_batch(store::prune_events{before(options_.event_retention), batch_rows()}, &reaper_run::events);
  case stage::audit:
    return ask_for_batch(store::prune_audit{before(options_.audit_retention), batch_rows()}, &reaper_run::audit);
  }
}

/// An expired session is kept as long as a revoked one, from its expiry on.
store::delete_expired_sessions reaper_state::expired_batch(bool of_guests) const {
  auto age = of_guests ? options_.guest_session_max_age : options_.session_max_age;
  auto before = cutoff(cutoff(database_time_, age), options_.revoked_retention);
  return {before, of_guests, progress_[static_cast<std::size_t>(stage_)].reached, batch_rows()};
}

template <class Operation>
void reaper_state::ask_for_batch(Operation op, std::size_t reaper_run::*count) {
  if constexpr (!std::is_same_v<Operation, store::reap_guests>)
    op.asked_by = origin_.asked_by;
  self_->request(store_, caf::infinite, op)
    .then(
      [this, count](const store::swept& done) {
        current_.*count += done.rows;
        batch_done(done);
      },
      [this](const caf::error& err) { stage_failed(err); });
}

void reaper_state::clock_read(timestamp now) {
  database_time_ = now;
  current_.started_at = now;
  enter(stage::guests);
  step();
}

/// A transaction is committed: tell the feed, then go on with the same stage, the next, or home.
void reaper_state::batch_done(const store::swept& done) {
  if (done.rows > 0 && stage_ == stage::guests)
    wakeup_->notify();
  if (!done.is_leader) {
    current_.is_leader = false;
    finish();
    return;
  }
  report_progress();
  auto& so_far = progress_of_stage();
  if (!done.has_more && !is_of_expired(stage_))
    so_far.reached = {};
  else if (done.reached.time != timestamp{})
    so_far.reached = done.reached;
  if (done.left)
    so_far.left = std::min(*done.left, so_far.left.value_or(*done.left));
  if (!done.has_more) {
    if (auto left = std::exchange(so_far.left, std::nullopt))
      so_far.reached = {*left, {}}; // ahead of every row of that time
    so_far.rows_max = 0;
    next_stage();
    return;
  }
  self_->delayed_send(self_, options_.pause, step_atom_v);
}

/// The stage is left where it is, and the others get their turn. Without the database's time there are none.
void reaper_state::stage_failed(const caf::error& err) {
  auto why = to_failure(err);
  stage_span_.fail(to_string(why.code));
  if (!trouble_ && !is_in_trouble_)
    log::warn("reaper failed", {{"reason", why.detail}, {"code", to_string(why.code)}});
  if (!trouble_) {
    trouble_ = err;
    current_.error = why.code;
  }
  if (stage_ == stage::clock) {
    finish();
    return;
  }
  progress_of_stage().rows_max = std::max<std::size_t>(batch_rows() / 2, 1);
  next_stage();
}

std::string_view reaper_state::name_of(stage which) {
  switch (which) {
  case stage::idle:
    break;
  case stage::clock:
    return "clock";
  case stage::guests:
    return "guests";
  case stage::sessions:
    return "sessions";
  case stage::generations:
    return "generations";
  case stage::expired_guests:
    return "expired guests";
  case stage::expired:
    return "expired";
  case stage::events:
    return "events";
  case stage::audit:
    return "audit";
  }
  return "";
}

void reaper_state::next_stage() {
  if (stage_ == stage::audit) {
    finish();
    return;
  }
  auto next = stage_;
  do
    next = static_cast<stage>(static_cast<std::uint8_t>(next) + 1);
  while (!has_work(next));
  enter(next);
  self_->delayed_send(self_, options_.pause, step_atom_v);
}

bool reaper_state::has_work(stage which) const {
  if (which == stage::expired_guests)
    return options_.guest_session_max_age.count() > 0;
  return which != stage::expired || options_.session_max_age.count() > 0;
}

bool reaper_state::is_of_expired(stage which) {
  return which == stage::expired_guests || which == stage::expired;
}

void reaper_state::report_progress() {
  auto now = clocks_.monotonic();
  if (now - reported_ < options_.progress_every)
    return;
  reported_ = now;
  log::info("reaper is sweeping", {{"guests", current_.guests},
                                   {"sessions", current_.sessions},
                                   {"events", current_.events},
                                   {"audit", current_.audit}});
}

void reaper_state::finish() {
  auto now = clocks_.monotonic();
  stage_ = stage::idle;
  if (trouble_)
    span_.fail(to_string(current_.error));
  stage_span_ = {};
  span_ = {};
  if (trouble_) {
    auto longest = std::max(options_.backoff_min, std::min(options_.backoff_max, options_.interval));
    backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, longest);
    next_at_ = now + backoff_;
  } else {
    if (is_in_trouble_)
      log::info("reaper works again");
    backoff_ = std::chrono::nanoseconds{0};
    next_at_ = now + options_.interval;
  }
  is_in_trouble_ = trouble_.has_value();
  current_.took = now - began_;
  last_ = current_;
  if (current_.guests + current_.sessions + current_.events + current_.audit > 0)
    log::info("reaper has swept",
              {{"guests", current_.guests},
               {"sessions", current_.sessions},
               {"events", current_.events},
               {"audit", current_.audit},
               {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(current_.took).count()}});
  for (auto& promise : std::exchange(waiting_, {})) {
    if (trouble_)
      promise.deliver(*trouble_);
    else
      promise.deliver(current_);
  }
}

/// A dry run counts and changes nothing. Otherwise the caller waits for the sweep that runs, or for one that
/// starts now.
caf::result<reaper_run> reaper_state::run_now(const run_reaper& order) {
  auto promise = self_->make_response_promise<reaper_run>();
  if (!order.dry_run) {
    waiting_.push_back(promise);
    if (stage_ == stage::idle)
      start_sweep(order.origin);
    return promise;
  }
  self_->request(store_, caf::infinite, store::read_clock{})
    .then(
      [this, promise](const store::read_clock::result& is) {
        reaper_run counted;
        counted.started_at = is.now;
        counted.dry_run = true;
        count_guests(promise, counted, {});
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

void reaper_state::count_guests(caf::typed_response_promise<reaper_run> promise, reaper_run counted,
                                const store::sweep_position& after) {
  auto created_before = cutoff(counted.started_at, options_.guest_retention);
  self_
    ->request(store_, caf::infinite, store::reap_guests{created_before, after, options_.batch_rows_max, true, {}})
    .then(
      [this, promise, counted](const store::swept& found) mutable {
        counted.guests += found.rows;
        if (found.has_more)
          count_guests(promise, counted, found.reached);
        else
          promise.deliver(counted);
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
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
  return {
    [self, tick](tick_atom) {
      self->state.tick();
      self->delayed_send(self, tick, tick_atom_v);
    },
    [self](step_atom) { self->state.step(); },
    [self](const run_reaper& order) { return self->state.run_now(order); },
    [self](const read_reaper_status&) { return self->state.status(); },
    tells_mailbox(self),
  };
}

} // namespace portcullis
