// Two actors on two threads of the scheduler count on one counter. `racy`: both write it in place. `ordered`: one
// owns it and the other sends messages. The thread sanitizer must report the first and be silent on the second;
// only then does its silence on the rest of the tests mean anything.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

namespace {

constexpr int rounds = 1000;

struct shared_counter {
  int value = 0;
  // Relaxed on purpose: the rendezvous makes the two handlers overlap without ordering anything between them.
  std::atomic<int> arrived{0};
};

using go = caf::atom_constant<caf::atom("go")>;
using add = caf::atom_constant<caf::atom("add")>;
using get = caf::atom_constant<caf::atom("get")>;

caf::behavior racing_actor(caf::event_based_actor*, shared_counter* counter) {
  return {[counter](go) {
    counter->arrived.fetch_add(1, std::memory_order_relaxed);
    while (counter->arrived.load(std::memory_order_relaxed) < 2)
      std::this_thread::yield();
    for (int i = 0; i < rounds; ++i)
      ++counter->value;
    return true;
  }};
}

caf::behavior counting_actor(caf::event_based_actor*, shared_counter* counter) {
  return {
    [counter](add) { ++counter->value; },
    [counter](get) { return counter->value; },
  };
}

caf::behavior sending_actor(caf::event_based_actor* self, const caf::actor& owner) {
  return {[self, owner](go) {
    for (int i = 0; i < rounds; ++i)
      self->send(owner, add::value);
    return true;
  }};
}

void run_racy(caf::actor_system& system, shared_counter& counter) {
  caf::scoped_actor self{system};
  const auto left = system.spawn(racing_actor, &counter);
  const auto right = system.spawn(racing_actor, &counter);
  self->send(left, go::value);
  self->send(right, go::value);
  for (int replies = 0; replies < 2; ++replies)
    self->receive([](bool) {});
}

void run_ordered(caf::actor_system& system, shared_counter& counter) {
  caf::scoped_actor self{system};
  const auto owner = system.spawn(counting_actor, &counter);
  const auto sender = system.spawn(sending_actor, owner);
  for (int i = 0; i < rounds; ++i)
    self->send(owner, add::value);
  self->request(sender, caf::infinite, go::value).receive([](bool) {}, [](const caf::error&) {});
  self->request(owner, caf::infinite, get::value).receive([](int) {}, [](const caf::error&) {});
}

} // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 2 ? argv[1] : "";
  if (mode != "racy" && mode != "ordered") {
    std::fprintf(stderr, "usage: planted_race racy|ordered\n");
    return 2;
  }
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 2);
  config.set("scheduler.policy", caf::atom("sharing"));
  shared_counter counter;
  {
    caf::actor_system system{config};
    if (mode == "racy")
      run_racy(system, counter);
    else
      run_ordered(system, counter);
  }
  std::printf("counted %d of %d\n", counter.value, 2 * rounds);
}
