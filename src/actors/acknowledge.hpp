#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace portcullis {

/// The last step of every change: the commit is known, memory is told, and only then the caller. Should memory not
/// answer (it has died, and the process with it), the caller is not told of a success that this replica could
/// not honour.
template <class Self, class Promise, class Reply, class Message>
void acknowledge(Self* self, const session_registry_actor& registry, Promise promise, Reply reply, Message news) {
  self->request(registry, caf::infinite, std::move(news))
    .then([promise, reply = std::move(reply)](const applied&) mutable { promise.deliver(std::move(reply)); },
          [promise](caf::error& err) mutable { promise.deliver(std::move(err)); });
}

} // namespace portcullis
