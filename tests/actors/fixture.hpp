#pragma once

#define FAIL CAF_FAIL // what the DSL's fixture calls it
#include "caf/test/dsl.hpp"

#include "actors/fakes.hpp"
#include "actors/interfaces.hpp"
#include "actors/probe.hpp"
#include "core/fixtures.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace portcullis::test {

/// Adds the service's messages to CAF's configuration.
template <class Base>
struct with_messages : Base {
  with_messages() {
    this->template add_message_types<caf::id_block::portcullis>();
  }
};

/// What became of a request, filled in by whoever asked.
template <class Reply>
struct outcome {
  std::optional<Reply> reply;
  failure error;

  bool is_open() const {
    return !reply && error.code == errc::none;
  }
};

/// Asks `whom` from an actor made for it; the outcome is there once the messages have been consumed.
template <class Reply, class Handle, class Message>
std::shared_ptr<outcome<Reply>> ask(caf::actor_system& sys, const Handle& whom, Message message) {
  auto result = std::make_shared<outcome<Reply>>();
  sys.spawn(
    [whom, result](caf::event_based_actor* self, const Message& what) {
      self->request(whom, caf::infinite, what)
        .then([result](Reply& reply) { result->reply = std::move(reply); },
              [result](const caf::error& err) { result->error = to_failure(err); });
    },
    std::move(message));
  return result;
}

/// A clock that stands still until it is told otherwise.
class hand_clock {
public:
  instant now() const {
    return *now_;
  }

  std::function<instant()> reader() const {
    return [now = now_] { return *now; };
  }

  template <class Duration>
  void advance(Duration by) {
    *now_ += by;
  }

private:
  std::shared_ptr<instant> now_ = std::make_shared<instant>(std::chrono::hours{1});
};

} // namespace portcullis::test
