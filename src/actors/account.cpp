#include "actors/account.hpp"

#include "actors/acknowledge.hpp"
#include "actors/mailbox.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <utility>

namespace portcullis {

namespace {

using self_pointer = account_actor::stateful_pointer<account_state>;
using linked = store::link_identity::result;

/// What memory has to hear of a link: that the old session is dead, and that the account's others are to be read
/// anew, since they say "guest". The new session is among those.
void acknowledge_link(self_pointer self, const session_registry_actor& registry,
                      caf::typed_response_promise<link_reply> promise, link_reply reply, const linked& done) {
  account_revoked changed{done.account.account_id};
  if (!done.rotated) {
    acknowledge(self, registry, promise, std::move(reply), changed);
    return;
  }
  self->request(registry, caf::infinite, session_revoked{done.ended_session_id})
    .then([=](const applied&) { acknowledge(self, registry, promise, reply, changed); },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
}

caf::result<link_reply> link(self_pointer self, const account_store_actor& store,
                             const session_registry_actor& registry, const log_wakeup_ptr& wakeup,
                             const link_request& ask) {
  auto& make = *self->state.make;
  store::link_identity order{ask.account_id, ask.key, make.next_id(), std::nullopt, ask.cause, ask.origin};
  std::optional<token> secret;
  if (ask.rotate) {
    secret = make.new_token();
    order.rotation = store::link_identity::token_rotation{*ask.rotate, make.draft(*secret, ask.device)};
  }
  auto promise = self->make_response_promise<link_reply>();
  self->request(store, caf::infinite, std::move(order))
    .then(
      [=](const linked& done) {
        wakeup->notify();
        link_reply reply{done.account, done.was_linked, secret, std::nullopt, done.position};
        if (done.rotated)
          reply.session = done.rotated->session;
        acknowledge_link(self, registry, promise, std::move(reply), done);
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

} // namespace

account_actor::behavior_type account_keeper(self_pointer self, account_store_actor store,
                                            session_registry_actor registry, log_wakeup_ptr wakeup, sources from) {
  self->state.make.emplace(from);
  return {
    [=](const find_or_create_request& ask) {
      return self->delegate(
        store, store::find_or_create_account{self->state.make->claim(ask.key, ask.display_name), ask.origin});
    },
    [=](const create_guest_request& ask) {
      return self->delegate(store, store::create_guest{self->state.make->next_id(), ask.origin});
    },
    [=](const store::get_account& ask) { return self->delegate(store, ask); },
    [=](const store::find_account& ask) { return self->delegate(store, ask); },
    [=](const link_request& ask) { return link(self, store, registry, wakeup, ask); },
    [=](const store::unlink_identity& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::set_display_name& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::seat_player& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::unseat_player& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::unseat_game& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::list_accounts& ask) { return self->delegate(store, ask); },
    [=](const store::count_all& ask) { return self->delegate(store, ask); },
    [=](const store::record_audit& order) { return self->delegate(store, self->state.make->named(order)); },
    [=](const store::list_audit& ask) { return self->delegate(store, ask); },
    tells_mailbox(self),
    [=](const store::delete_account& order) -> caf::result<store::delete_account::result> {
      auto promise = self->make_response_promise<store::delete_account::result>();
      auto account_id = order.account_id;
      self->request(store, caf::infinite, self->state.make->named(order))
        .then(
          [=](const store::delete_account::result& done) {
            wakeup->notify();
            acknowledge(self, registry, promise, done, account_revoked{account_id});
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
  };
}

} // namespace portcullis
