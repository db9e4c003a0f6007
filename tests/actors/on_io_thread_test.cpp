#include "actors/on_io_thread.hpp"

#include "caf/test/unit_test.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <memory>
#include <thread>

using namespace portcullis;

namespace {

const auto here = caf::atom("here");
const auto later = caf::atom("later");

/// Tells whether it runs on the loop's thread: when it is asked, and when a message of its own arrives by the
/// clock.
caf::behavior locator(caf::event_based_actor* self, std::thread::id loop) {
  auto waiting = std::make_shared<caf::typed_response_promise<bool>>();
  return {
    [=](caf::atom_value what) -> caf::result<bool> {
      if (what == here)
        return std::this_thread::get_id() == loop;
      *waiting = self->make_response_promise<bool>();
      self->delayed_send(self, std::chrono::milliseconds{1}, later, what);
      return *waiting;
    },
    [=](caf::atom_value, caf::atom_value) { waiting->deliver(std::this_thread::get_id() == loop); },
  };
}

struct fixture {
  caf::actor_system_config cfg;
  caf::actor_system system{with_io(cfg)};

  static caf::actor_system_config& with_io(caf::actor_system_config& cfg) {
    cfg.load<caf::io::middleman>();
    return cfg;
  }

  bool ask(const caf::actor& whom, caf::atom_value what) {
    bool answer = false;
    caf::scoped_actor self{system};
    self->request(whom, caf::infinite, what)
      .receive([&](bool is_there) { answer = is_there; },
               [](const caf::error& err) { CAF_FAIL("no answer: " << caf::to_string(err)); });
    return answer;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(on_io_thread_tests, fixture)

CAF_TEST(whoever writes and whatever comes later is handled on the thread of the loop) {
  const auto loop = system.middleman().backend().thread_id();
  const auto hosted = spawn_on_io_thread(system, locator, loop);
  CAF_CHECK(ask(hosted, here));
  CAF_CHECK(ask(hosted, later));
  caf::anon_send_exit(hosted, caf::exit_reason::user_shutdown);
  const auto elsewhere = system.spawn(locator, loop);
  CAF_CHECK(!ask(elsewhere, here));
}

CAF_TEST_FIXTURE_SCOPE_END()
