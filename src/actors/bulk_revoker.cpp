#include "actors/bulk_revoker.hpp"

#include "actors/mailbox.hpp"
#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

namespace {

constexpr std::size_t divisor_max = 1'024;

} // namespace

void bulk_revoker_state::init(self_pointer owner, bulk_revoker_options opts, bulk_store_actor where,
                              log_wakeup_ptr feed_bell, sources from) {
  self_ = owner;
  options_ = opts;
  store_ = std::move(where);
  wakeup_ = std::move(feed_bell);
  clocks_ = from;
  make_.emplace(from);
  next_at_ = clocks_.monotonic() + options_.look_every;
}

void bulk_revoker_state::tick() {
  if (is_working_ || clocks_.monotonic() < next_at_)
    return;
  is_working_ = true;
  step();
}

std::size_t bulk_revoker_state::share(std::size_t rows) const {
  return std::max<std::size_t>(rows / divisor_, 1);
}

void bulk_revoker_state::step() {
  self_
    ->request(store_, caf::infinite,
              store::work_on_revocation_jobs{share(options_.page_max), share(options_.count_page_max),
                                             share(options_.batch_max)})
    .then([this](const store::work_on_revocation_jobs::result& batch) { done(batch); },
          [this](const caf::error& err) { failed(err); });
}

/// A transaction is committed: tell the feed, then go on.
void bulk_revoker_state::done(const store::work_on_revocation_jobs::result& batch) {
  if (batch.sessions > 0)
    wakeup_->notify();
  if (std::exchange(is_in_trouble_, false))
    log::info("bulk revocation works again");
  backoff_ = std::chrono::nanoseconds{0};
  divisor_ = std::max<std::size_t>(divisor_ / 2, 1);
  has_job_ = batch.has_more;
  if (batch.finished_job)
    log::info("bulk revocation is over", {{"job_id", to_string(*batch.finished_job)}});
  if (!batch.is_leader || !batch.has_more)
    return rest(options_.look_every);
  self_->delayed_send(self_, batch.is_held_up ? options_.held_up_pause : options_.pause, step_atom_v);
}

void bulk_revoker_state::failed(const caf::error& err) {
  if (has_job_ && !std::exchange(is_in_trouble_, true)) {
    const auto why = to_failure(err);
    log::warn("bulk revocation failed", {{"reason", why.detail}, {"code", to_string(why.code)}});
  }
  divisor_ = std::min(divisor_ * 2, divisor_max);
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  rest(backoff_);
}

void bulk_revoker_state::rest(std::chrono::nanoseconds pause) {
  is_working_ = false;
  next_at_ = clocks_.monotonic() + pause;
}

caf::result<revocation_counts> bulk_revoker_state::count(const count_bulk_revocation& ask) {
  auto promise = self_->make_response_promise<revocation_counts>();
  count_on(promise, ask.selects, {}, {});
  return promise;
}

void bulk_revoker_state::count_on(caf::typed_response_promise<revocation_counts> promise,
                                  const session_selector& selects, revocation_counts found,
                                  const store::count_position& after) {
  self_->request(store_, caf::infinite, store::count_selected{selects, after, options_.count_page_max})
    .then(
      [this, promise, selects, found](const store::count_selected::result& page) mutable {
        found.sessions += page.found.sessions;
        found.accounts += page.found.accounts;
        if (page.has_more)
          count_on(promise, selects, found, page.reached);
        else
          promise.deliver(found);
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
}

/// The job is in its row before it is acknowledged.
caf::result<revocation_job> bulk_revoker_state::accept(const order_bulk_revocation& order) {
  auto promise = self_->make_response_promise<revocation_job>();
  self_
    ->request(store_, caf::infinite,
              store::create_revocation_job{make_->next_id(), order.selects, order.cause, order.origin})
    .then(
      [this, promise](revocation_job& job) mutable {
        log::info("bulk revocation is accepted", {{"job_id", to_string(job.job_id)}});
        promise.deliver(std::move(job));
        has_job_ = true;
        if (!std::exchange(is_working_, true))
          step();
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

caf::result<revocation_job> bulk_revoker_state::show(const store::get_revocation_job& ask) {
  return self_->delegate(store_, ask);
}

bulk_revoker_actor::behavior_type bulk_revoker(bulk_revoker_state::self_pointer self, bulk_revoker_options options,
                                               bulk_store_actor store, log_wakeup_ptr wakeup, sources from) {
  auto tick = options.tick;
  self->state.init(self, options, std::move(store), std::move(wakeup), from);
  return {
    [self, tick](tick_atom) {
      self->state.tick();
      self->delayed_send(self, tick, tick_atom_v);
    },
    [self](step_atom) { self->state.step(); },
    [self](const count_bulk_revocation& ask) { return self->state.count(ask); },
    [self](const order_bulk_revocation& order) { return self->state.accept(order); },
    [self](const store::get_revocation_job& ask) { return self->state.show(ask); },
    tells_mailbox(self),
  };
}

} // namespace portcullis
