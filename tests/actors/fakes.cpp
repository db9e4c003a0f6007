#include "actors/fakes.hpp"

#include "caf/typed_event_based_actor.hpp"

namespace portcullis::test {

namespace {

/// One handler for each signature of an interface, so that fakes follow the interfaces by themselves.
template <class Signature>
struct handler;

template <class Message, class Reply>
struct handler<caf::typed_mpi<caf::detail::type_list<Message>, caf::output_tuple<Reply>>> {
  template <class Self>
  static auto make(Self* self, const probe_ptr& on) {
    return [self, on](const Message& message) -> caf::result<Reply> {
      auto promise = self->template make_response_promise<Reply>();
      on->put(question<Message, Reply>{message, promise, caf::actor_cast<caf::actor>(self)});
      return promise;
    };
  }
};

template <class Message>
struct handler<caf::typed_mpi<caf::detail::type_list<Message>, caf::output_tuple<void>>> {
  template <class Self>
  static auto make(Self*, const probe_ptr& on) {
    return [on](const Message& message) { on->put(message); };
  }
};

template <class Self, class... Signatures>
caf::typed_behavior<Signatures...> behave(Self* self, const probe_ptr& on, caf::detail::type_list<Signatures...>) {
  return {handler<Signatures>::make(self, on)...};
}

template <class Handle>
typename Handle::behavior_type fake(typename Handle::pointer self, const probe_ptr& on) {
  return behave(self, on, typename Handle::signatures{});
}

} // namespace

template <class Handle>
Handle spawn_fake(caf::actor_system& sys, const probe_ptr& on) {
  return sys.spawn(fake<Handle>, on);
}

template db_pool_actor spawn_fake(caf::actor_system&, const probe_ptr&);
template db_worker_actor spawn_fake(caf::actor_system&, const probe_ptr&);
template session_cache_actor spawn_fake(caf::actor_system&, const probe_ptr&);
template revocation_sink_actor spawn_fake(caf::actor_system&, const probe_ptr&);
template session_actor spawn_fake(caf::actor_system&, const probe_ptr&);
template account_actor spawn_fake(caf::actor_system&, const probe_ptr&);

} // namespace portcullis::test
