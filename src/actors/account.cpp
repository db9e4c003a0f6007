#include "actors/account.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <utility>

namespace portcullis {

account_actor::behavior_type account_keeper(account_actor::stateful_pointer<account_state> self,
                                            account_store_actor store, session_registry_actor registry,
                                            log_doorbell_ptr bell, sources from) {
  self->state.from = from;
  self->state.ids.emplace(from.random);
  return {
    [=](const find_or_create_request& ask) {
      auto now = from.wall_clock();
      auto& ids = *self->state.ids;
      return self->delegate(store,
                            db::find_or_create_account{{ask.key, ids.next(now), ids.next(now), ask.display_name}});
    },
    [=](const create_guest_request&) {
      return self->delegate(store, db::create_guest{self->state.ids->next(from.wall_clock())});
    },
    [=](const db::get_account& ask) { return self->delegate(store, ask); },
    [=](const db::find_account& ask) { return self->delegate(store, ask); },
    [=](const db::delete_account& order) -> caf::result<db::delete_account::result> {
      auto promise = self->make_response_promise<db::delete_account::result>();
      auto account_id = order.account_id;
      self->request(store, caf::infinite, order)
        .then(
          [=](const db::delete_account::result& done) mutable {
            bell->ring();
            // Acknowledged once memory has forgotten the account's sessions (rule 2).
            self->request(registry, caf::infinite, account_revoked{account_id, done.generation})
              .then([=](const applied&) mutable { promise.deliver(done); },
                    [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
  };
}

} // namespace portcullis
