#pragma once

#include "actors/mailbox_gauge.hpp"
#include "actors/messages.hpp"

#include <string>
#include <string_view>

namespace portcullis {

/// How many messages wait for an actor. It asks for its own: no other may look.
///
/// A broker that handles an event of a socket has its mailbox blocked, which means empty, and to look into it then
/// would undo the mark by which the next message wakes the broker: it would never be woken again.
template <class Self>
void add_mailbox(metrics::snapshot& s, Self* self) {
  const auto waiting = self->mailbox().blocked() ? 0 : self->mailbox().size();
  s.add("portcullis_mailbox_messages", waiting, {{"actor", std::string{self->name()}}});
}

/// Of those that block their threads.
inline void add_mailbox(metrics::snapshot& s, std::string_view actor, const mailbox_gauge& of) {
  s.add("portcullis_mailbox_messages", of.waiting(), {{"actor", std::string{actor}}});
}

/// A handler for an actor that has no other numbers.
template <class Self>
auto tells_mailbox(Self* self) {
  return [self](const read_numbers&) {
    all_numbers all;
    add_mailbox(all.snapshot, self);
    return all;
  };
}

} // namespace portcullis
