#include "db/db_pool.hpp"

#include "actors/mailbox.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <utility>
#include <variant>

namespace portcullis {

namespace {

/// The handler of one kind of operation: a promise kept when the operation's outcome is known.
template <class Operation>
auto handler(db_pool_actor::stateful_pointer<db_pool_state> self) {
  using result_type = typename Operation::result;
  return [self](const Operation& operation) -> caf::result<result_type> {
    auto promise = self->template make_response_promise<result_type>();
    self->state.submit(store::operation{operation}, [promise](store::outcome&& outcome) mutable {
      if (auto* what = std::get_if<failure>(&outcome))
        promise.deliver(to_caf(std::move(*what)));
      else
        promise.deliver(std::get<result_type>(std::move(outcome)));
    });
    return promise;
  };
}

} // namespace

db_pool_actor::behavior_type db_pool(db_pool_actor::stateful_pointer<db_pool_state> self,
                                     db_pool_options options) {
  auto tick = options.tick;
  self->state.init(self, std::move(options));
  self->set_down_handler([self](const caf::down_msg& down) { self->state.worker_died(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.end_workers();
    self->quit(exit.reason);
  });
  self->delayed_send(self, tick, tick_atom_v);
  return {
    handler<store::find_session>(self),
    handler<store::mint_session>(self),
    handler<store::mint_for_identity>(self),
    handler<store::mint_guest>(self),
    handler<store::revoke_session>(self),
    handler<store::revoke_account>(self),
    handler<store::get_session>(self),
    handler<store::list_sessions>(self),
    handler<store::find_or_create_account>(self),
    handler<store::create_guest>(self),
    handler<store::get_account>(self),
    handler<store::find_account>(self),
    handler<store::delete_account>(self),
    handler<store::link_identity>(self),
    handler<store::unlink_identity>(self),
    handler<store::set_display_name>(self),
    handler<store::seat_player>(self),
    handler<store::unseat_player>(self),
    handler<store::unseat_game>(self),
    handler<store::list_accounts>(self),
    handler<store::count_all>(self),
    handler<store::read_clock>(self),
    handler<store::reap_guests>(self),
    handler<store::delete_dead_sessions>(self),
    handler<store::delete_dead_generations>(self),
    handler<store::delete_expired_sessions>(self),
    handler<store::prune_events>(self),
    handler<store::prune_audit>(self),
    handler<store::record_audit>(self),
    handler<store::list_audit>(self),
    handler<store::count_selected>(self),
    handler<store::create_revocation_job>(self),
    handler<store::get_revocation_job>(self),
    handler<store::work_on_revocation_jobs>(self),
    handler<store::canary_step>(self),
    handler<store::read_events>(self),
    handler<store::ping>(self),
    [self](const read_pool_stats&) { return self->state.stats(); },
    [self](const read_numbers&) {
      all_numbers all{self->state.numbers()};
      add_mailbox(all.snapshot, self);
      return all;
    },
    [self](db_outcomes& news) {
      self->state.told(caf::actor_cast<caf::actor_addr>(self->current_sender()), news);
    },
    [self](yield_connection) { self->state.yield(); },
    [self, tick](tick_atom) {
      self->state.tick();
      self->delayed_send(self, tick, tick_atom_v);
    },
  };
}

} // namespace portcullis
