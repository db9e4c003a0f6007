#include "actors/session.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <array>
#include <utility>

namespace portcullis {

token session_state::new_token() {
  std::array<std::uint8_t, 32> bits{};
  from.random(bits.data(), bits.size());
  return token::from_random(bits);
}

db::session_draft session_state::draft(const token& secret, device holder) {
  return {ids->next(from.wall_clock()), secret.hash(), std::move(holder)};
}

db::identity_claim session_state::claim(const identity_holder& holder) {
  auto now = from.wall_clock();
  return {holder.key, ids->next(now), ids->next(now), holder.display_name};
}

namespace {

using self_pointer = session_actor::stateful_pointer<session_state>;

/// Waits for the commit, tells memory, and only then answers. Should memory not answer (it has died, and
/// the process with it), the caller is not told of a success that this replica could not honour.
template <class Promise, class Reply, class Message>
void acknowledge(self_pointer self, const session_registry_actor& registry, Promise promise, Reply reply,
                 Message news) {
  self->request(registry, caf::infinite, std::move(news))
    .then([promise, reply = std::move(reply)](const applied&) mutable { promise.deliver(std::move(reply)); },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
}

template <class Operation>
caf::result<mint_reply> mint(self_pointer self, const session_store_actor& store,
                             const session_registry_actor& registry, const token& secret,
                             const Operation& operation) {
  auto promise = self->make_response_promise<mint_reply>();
  auto began = self->state.from.monotonic();
  auto hash = operation.draft.hash;
  self->request(store, caf::infinite, operation)
    .then(
      [=](db::minted& made) mutable {
        session_record record{made.session.session_id, made.session.account_id, made.session.created_at,
                              made.generation, made.session.is_guest};
        mint_reply reply{secret, std::move(made.session), std::move(made.account), made.account_created};
        acknowledge(self, registry, promise, std::move(reply), session_minted{hash, record, began});
      },
      [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
  return promise;
}

caf::result<mint_reply> mint_for(self_pointer self, const session_store_actor& store,
                                 const session_registry_actor& registry, const mint_request& ask) {
  auto& state = self->state;
  auto secret = state.new_token();
  auto draft = state.draft(secret, ask.device);
  if (auto* account_id = std::get_if<uuid>(&ask.holder))
    return mint(self, store, registry, secret, db::mint_session{std::move(draft), *account_id});
  if (auto* holder = std::get_if<identity_holder>(&ask.holder))
    return mint(self, store, registry, secret, db::mint_for_identity{std::move(draft), state.claim(*holder)});
  auto account_id = state.ids->next(state.from.wall_clock());
  return mint(self, store, registry, secret, db::mint_guest{std::move(draft), account_id});
}

} // namespace

session_actor::behavior_type session_keeper(self_pointer self, session_store_actor store,
                                            session_registry_actor registry, log_doorbell_ptr bell, sources from) {
  self->state.from = from;
  self->state.ids.emplace(from.random);
  return {
    [=](const mint_request& ask) { return mint_for(self, store, registry, ask); },
    [=](const db::revoke_session& order) -> caf::result<db::revoke_session::result> {
      auto promise = self->make_response_promise<db::revoke_session::result>();
      self->request(store, caf::infinite, order)
        .then(
          [=](const db::revoke_session::result& done) mutable {
            bell->ring();
            acknowledge(self, registry, promise, done, session_revoked{done.session_id});
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [=](const db::revoke_account& order) -> caf::result<db::revoke_account::result> {
      auto promise = self->make_response_promise<db::revoke_account::result>();
      auto account_id = order.account_id;
      self->request(store, caf::infinite, order)
        .then(
          [=](const db::revoke_account::result& done) mutable {
            bell->ring();
            acknowledge(self, registry, promise, done, account_revoked{account_id, done.generation});
          },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
      return promise;
    },
    [=](const db::get_session& ask) { return self->delegate(store, ask); },
    [=](const db::list_sessions& ask) { return self->delegate(store, ask); },
  };
}

} // namespace portcullis
