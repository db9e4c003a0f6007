#include "actors/session.hpp"

#include "actors/acknowledge.hpp"
#include "actors/mailbox.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <utility>

namespace portcullis {

namespace {

using self_pointer = session_actor::stateful_pointer<session_state>;

template <class Operation>
caf::result<mint_reply> mint(self_pointer self, const session_store_actor& store,
                             const session_registry_actor& registry, const log_wakeup_ptr& wakeup,
                             const token& secret, const Operation& operation) {
  auto promise = self->make_response_promise<mint_reply>();
  auto began = self->state.make->now();
  auto hash = operation.draft.hash;
  self->request(store, caf::infinite, operation)
    .then(
      [=](store::minted& made) mutable {
        session_minted news{hash, record_of(made), began, std::move(made.superseded)};
        if (made.position)
          wakeup->notify();
        mint_reply reply{secret, std::move(made.session), std::move(made.account), made.account_created,
                         made.position};
        acknowledge(self, registry, promise, std::move(reply), news);
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

caf::result<mint_reply> mint_for(self_pointer self, const session_store_actor& store,
                                 const session_registry_actor& registry, const log_wakeup_ptr& wakeup,
                                 const mint_request& ask) {
  auto& make = *self->state.make;
  auto secret = make.new_token();
  auto draft = make.draft(secret, ask.device);
  if (auto* account_id = std::get_if<uuid>(&ask.holder))
    return mint(self, store, registry, wakeup, secret,
                store::mint_session{std::move(draft), *account_id, ask.origin});
  if (auto* holder = std::get_if<identity_holder>(&ask.holder))
    return mint(
      self, store, registry, wakeup, secret,
      store::mint_for_identity{std::move(draft), make.claim(holder->key, holder->display_name), ask.origin});
  auto account_id = make.next_id();
  return mint(self, store, registry, wakeup, secret, store::mint_guest{std::move(draft), account_id, ask.origin});
}

} // namespace

session_actor::behavior_type session_keeper(self_pointer self, session_store_actor store,
                                            session_registry_actor registry, log_wakeup_ptr wakeup, sources from) {
  self->state.make.emplace(from);
  return {
    [=](const mint_request& ask) { return mint_for(self, store, registry, wakeup, ask); },
    [=](const store::revoke_session& order) -> caf::result<store::revoke_session::result> {
      auto promise = self->make_response_promise<store::revoke_session::result>();
      self->request(store, caf::infinite, self->state.make->named(order))
        .then(
          [=](const store::revoke_session::result& done) {
            wakeup->notify();
            acknowledge(self, registry, promise, done, session_revoked{done.session_id});
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [=](const store::revoke_account& order) -> caf::result<store::revoke_account::result> {
      auto promise = self->make_response_promise<store::revoke_account::result>();
      auto account_id = order.account_id;
      self->request(store, caf::infinite, self->state.make->named(order))
        .then(
          [=](const store::revoke_account::result& done) {
            wakeup->notify();
            acknowledge(self, registry, promise, done, account_revoked{account_id});
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [=](const store::get_session& ask) { return self->delegate(store, ask); },
    [=](const store::list_sessions& ask) { return self->delegate(store, ask); },
    tells_mailbox(self),
  };
}

} // namespace portcullis
