#include "actors/mailbox.hpp"
#include "actors/session_cache.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace portcullis {

namespace {

using self_pointer = session_cache_actor::stateful_pointer<session_cache_state>;

void send_load(self_pointer self, const session_loader_actor& loader, const token_hash& hash,
               const session_cache_state::load_ptr& running) {
  self->state.begin(running);
  // The pool answers every request within the operation time-out, so none is set here: CAF could not cancel it.
  self->request(loader, caf::infinite, store::find_session{hash, running->at_least(), running->asked_by()})
    .then(
      [=](const store::find_session::result& found) {
        if (self->state.admit(hash, running, found))
          send_load(self, loader, hash, running);
      },
      [=](const caf::error& err) { self->state.fail(hash, running, err); });
}

caf::result<resolution> answer_load(self_pointer self, const session_loader_actor& loader,
                                    const load_session& ask) {
  auto running = self->state.find_load(ask);
  bool is_new = running == nullptr;
  if (is_new)
    running = self->state.make_load(ask);
  if (running == nullptr)
    return to_caf({errc::overloaded, "too many sessions are being looked up"});
  auto promise = self->make_response_promise<resolution>();
  session_cache_state::join(running, ask, promise, is_new);
  if (is_new)
    send_load(self, loader, ask.hash, running);
  return promise;
}

/// A message to itself would be taken before any socket is looked at, so the next turn comes by the clock.
void plan_reclaim(self_pointer self) {
  if (auto pause = self->state.plan_reclaim())
    self->delayed_send(self, *pause, step_atom_v);
}

/// A handler for changes of one type: done when it answers, but for the clean-up.
template <class Change>
auto applies(self_pointer self) {
  return [self](const Change& change) {
    self->state.apply(change);
    plan_reclaim(self);
    return applied{};
  };
}

} // namespace

session_cache_actor::behavior_type session_cache(self_pointer self, session_cache_options options,
                                                 session_loader_actor loader) {
  self->state.init(std::move(options));
  return {
    // CAF tries the handlers in their order: the hot one is the first.
    [self](const peek_sessions& ask) { return self->state.peek(ask); },
    applies<session_minted>(self),
    applies<session_revoked>(self),
    applies<account_revoked>(self),
    applies<log_progress>(self),
    applies<epoch_changed>(self),
    // Memory needs no word of it: a session that is not held is loaded, warm or not.
    [](const cache_warmed&) { return applied{}; },
    [self, loader](const load_session& ask) { return answer_load(self, loader, ask); },
    applies<warm_sessions>(self),
    [self](const recall_session& ask) { return self->state.recall(ask); },
    [self](const read_cache_stats&) { return self->state.stats(); },
    [self](const read_numbers&) {
      auto all = self->state.numbers();
      add_mailbox(all.snapshot, self);
      return all;
    },
    [self](step_atom) {
      self->state.reclaim();
      plan_reclaim(self);
    },
  };
}

} // namespace portcullis
