#pragma once

#include "actors/interfaces.hpp"

namespace portcullis {

/// Gives a broker its next turn after the sockets have had theirs. CAF hands a broker up to a hundred messages in
/// a row, so one that sends itself "go on" would keep its sockets waiting; a message that goes round by another
/// broker comes back after the multiplexer has looked at every socket that is ready.
pacer_actor::behavior_type pacer(pacer_actor::broker_pointer self, const paced_actor& whom);

} // namespace portcullis
