#include "app/orderly_stop.hpp"

#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <utility>

namespace portcullis {

namespace {

/// Beyond the grace for connections, for those that were told at its end to leave.
constexpr std::chrono::seconds drain_overtime{1};

constexpr std::chrono::seconds numbers_wait_max{1};

} // namespace

void orderly_stop::begin(supervisor_actor::pointer self, http_front_actor front,
                         const config::http_settings& settings, caf::typed_response_promise<all_numbers> promise,
                         std::function<void()> end_all) {
  self_ = self;
  front_ = std::move(front);
  grace_ = settings.drain_timeout;
  stopped_ = std::move(promise);
  end_all_ = std::move(end_all);
  const auto delay = settings.shutdown_delay;
  log::info("stopping", {{"delay_ms", delay.count()}});
  self_->send(front_, announce_stop{});
  if (delay.count() > 0)
    self_->delayed_send(self_, delay, step_atom_v);
  else
    drain();
}

void orderly_stop::drain() {
  self_->request(front_, grace_ + drain_overtime, drain_connections{grace_})
    .then([this](const applied&) { take_numbers(); },
          [this](const caf::error&) {
            log::warn("some connections did not end in time");
            take_numbers();
          });
}

/// While the actors live that have them: the last export is made when all have ended.
void orderly_stop::take_numbers() {
  self_->request(front_, numbers_wait_max, read_numbers{})
    .then([this](all_numbers& last) { finish(std::move(last)); }, [this](const caf::error&) { finish({}); });
}

void orderly_stop::finish(all_numbers last) {
  end_all_();
  std::exchange(stopped_, std::nullopt)->deliver(std::move(last));
  self_->quit();
}

} // namespace portcullis
