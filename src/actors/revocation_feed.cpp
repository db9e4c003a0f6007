#include "actors/revocation_feed.hpp"

#include "telemetry/log.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace portcullis {

namespace {

constexpr std::chrono::seconds hand_over_max{5}; // for one part of the warm-up

} // namespace

void revocation_feed_state::start(const revocation_feed_options& options, log_sources from,
                                  const session_cache_actor& cache,
                                  const std::vector<revocation_sink_actor>& others) {
  mailbox_.join(options.mailbox);
  busy_sink_pause_ = options.busy_sink_pause;
  cache_ = cache;
  sinks_.emplace_back(cache);
  sinks_.insert(sinks_.end(), others.begin(), others.end());
  broadcast_.emplace(sinks_.size());
  log_follower::listener to;
  to.tell = [this](log_news&& news) {
    std::visit([this](auto&& message) { broadcast_->put(std::forward<decltype(message)>(message)); },
               std::move(news));
  };
  to.hand_over = [this](warm_sessions&& part) { return hand_over(std::move(part)); };
  follower_.emplace(options, std::move(from), std::move(to));
  // A sink that dies with a reply still owed would never be heard of otherwise.
  self_->set_down_handler([this](const caf::down_msg& news) {
    auto dead =
      std::find_if(sinks_.begin(), sinks_.end(), [&](const auto& sink) { return sink->address() == news.source; });
    if (dead != sinks_.end())
      lost(static_cast<std::size_t>(dead - sinks_.begin()));
  });
  for (auto& sink : sinks_)
    self_->monitor(sink);
  self_->send(self_, tick_atom_v);
}

void revocation_feed_state::round() {
  mailbox_.tell(self_->mailbox().size());
  if (!reads_on_) {
    if (broadcast_->has_waiting())
      follower_->glance(); // a reply of the busy sink arrives at the mailbox: no time to wait elsewhere
    else
      follower_->wait();
  }
  reads_on_ = follower_->step();
  send_ready();
  plan_next_round();
}

void revocation_feed_state::send_ready() {
  broadcast_->send_ready([this](std::size_t sink, const log_news& news) { send(sink, news); });
}

void revocation_feed_state::send(std::size_t sink, const log_news& news) {
  auto ask = [&](const auto& message) {
    self_->request(sinks_[sink], caf::infinite, message)
      .then([this, sink](const applied&) { taken(sink); }, [this, sink](const caf::error&) { lost(sink); });
  };
  std::visit(ask, news);
}

void revocation_feed_state::taken(std::size_t sink) {
  broadcast_->taken(sink);
  send_ready();
  if (is_waiting_for_sinks_)
    plan_next_round();
}

/// Without the cache there is nothing to do here; who started it hears of its end as well.
void revocation_feed_state::lost(std::size_t sink) {
  broadcast_->gone(sink);
  if (sink == log_broadcast::first)
    self_->quit(caf::exit_reason::unhandled_exception);
  else if (is_waiting_for_sinks_)
    plan_next_round();
}

/// At most one round is planned at any time.
void revocation_feed_state::plan_next_round() {
  is_waiting_for_sinks_ = must_wait_for_sinks();
  if (is_waiting_for_sinks_)
    return;
  if (broadcast_->has_waiting())
    self_->delayed_send(self_, busy_sink_pause_, tick_atom_v);
  else
    self_->send(self_, tick_atom_v);
}

bool revocation_feed_state::must_wait_for_sinks() const {
  return broadcast_->is_first_behind() || broadcast_->is_full();
}

/// The cache answers each part at once. If it has ended it never answers: it is a broker, and CAF bounces nothing
/// that is sent to one.
bool revocation_feed_state::hand_over(warm_sessions&& part) {
  bool is_taken = false;
  caf::scoped_actor waiter{self_->system()};
  waiter->request(cache_, hand_over_max, std::move(part))
    .receive([&](const applied&) { is_taken = true; }, [](const caf::error&) {});
  return is_taken;
}

revocation_feed_actor::behavior_type revocation_feed(
  revocation_feed_actor::stateful_pointer<revocation_feed_state> self, revocation_feed_options options,
  std::shared_ptr<log_sources> from, session_cache_actor cache, std::vector<revocation_sink_actor> others) {
  self->state.start(options, std::move(*from), cache, others);
  return {
    [self](tick_atom) { self->state.round(); },
  };
}

} // namespace portcullis
