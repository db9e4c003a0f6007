#pragma once

#include "actors/interfaces.hpp"
#include "actors/probe.hpp"

#include "caf/actor_system.hpp"

namespace portcullis::test {

/// An actor of the given interface that hands whatever it is asked to the probe, and leaves the answer to the
/// test. fakes.cpp names the interfaces.
template <class Handle>
Handle spawn_fake(caf::actor_system& sys, const probe_ptr& on);

} // namespace portcullis::test
