#include "actors/canary.hpp"

#include "actors/mailbox.hpp"
#include "telemetry/log.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace portcullis {

using stage = store::canary_step::stage;

void canary_state::init(self_pointer owner, canary_store_actor where, session_registry_actor memory,
                        log_wakeup_ptr feed_bell, sources from) {
  self_ = owner;
  store_ = std::move(where);
  registry_ = std::move(memory);
  wakeup_ = std::move(feed_bell);
  clocks_ = from;
  make_.emplace(from);
}

template <class Operation, class Then>
void canary_state::ask(const char* what, const Operation& op, Then then) {
  self_->request(store_, caf::infinite, op).then(std::move(then), [this, what](const caf::error& err) {
    failed(what, err);
  });
}

void canary_state::start_round() {
  if (is_running_)
    return; // the last one takes longer than the interval
  is_running_ = true;
  session_id_ = make_->next_id();
  ask("mint", store::canary_step{stage::mint, session_id_, make_->new_token().hash(), {}},
      [this](const store::canary_step::result&) { revoke(); });
}

void canary_state::revoke() {
  ask("revoke", store::canary_step{stage::revoke, session_id_, {}, {}},
      [this](const store::canary_step::result&) { revoked(); });
}

/// As for every revocation: committed, then known to memory here, then acknowledged.
void canary_state::revoked() {
  wakeup_->notify();
  self_->request(registry_, caf::infinite, session_revoked{session_id_})
    .then([this](const applied&) { acknowledged(); }, [this](const caf::error& err) { failed("revoke", err); });
}

void canary_state::acknowledged() {
  ask("read_clock", store::read_clock{},
      [this, at = clocks_.monotonic()](const store::read_clock::result& is) { tell_when(at, is.now); });
}

void canary_state::tell_when(instant acknowledged_at, timestamp shown) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(clocks_.monotonic() - acknowledged_at);
  ask("acknowledge", store::canary_step{stage::acknowledge, session_id_, {}, shown - since},
      [this](const store::canary_step::result&) { finish(); });
}

void canary_state::finish() {
  wakeup_->notify();
  ++finished_;
  is_running_ = false;
  if (std::exchange(is_in_trouble_, false))
    log::info("canary works again");
}

void canary_state::failed(const char* what, const caf::error& err) {
  ++failed_;
  is_running_ = false;
  if (std::exchange(is_in_trouble_, true))
    return;
  const auto why = to_failure(err);
  log::warn("canary failed", {{"step", what}, {"reason", why.detail}, {"code", to_string(why.code)}});
}

all_numbers canary_state::numbers() const {
  all_numbers all;
  all.snapshot.add("portcullis_canary_rounds_total", finished_, {{"outcome", "ok"}});
  all.snapshot.add("portcullis_canary_rounds_total", failed_, {{"outcome", "failed"}});
  return all;
}

canary_actor::behavior_type canary(canary_state::self_pointer self, std::chrono::nanoseconds interval,
                                   canary_store_actor store, session_registry_actor registry,
                                   log_wakeup_ptr wakeup, sources from) {
  self->state.init(self, std::move(store), std::move(registry), std::move(wakeup), from);
  return {
    [self, interval](tick_atom) {
      self->state.start_round();
      self->delayed_send(self, interval, tick_atom_v);
    },
    [self](const read_numbers&) {
      auto all = self->state.numbers();
      add_mailbox(all.snapshot, self);
      return all;
    },
  };
}

} // namespace portcullis
