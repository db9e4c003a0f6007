#pragma once

#include "actors/interfaces.hpp"
#include "actors/stage.hpp"

#include "caf/actor_system.hpp"

namespace portcullis::test {

/// An actor of the given interface that puts on the stage whatever it is asked, and leaves the answer to the test.
/// stand_ins.cpp names the interfaces.
template <class Handle>
Handle spawn_stand_in(caf::actor_system& sys, const stage_ptr& on);

} // namespace portcullis::test
