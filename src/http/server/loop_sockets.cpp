#include "http/server/loop_sockets.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/make_counted.hpp>

#include <unistd.h>

namespace portcullis::http {

namespace {

using caf::io::network::operation;

template <class Handler, class Manager>
void start_reading(Handler& handler, Manager* manager) {
  handler.activate(manager);                                      // does nothing while a removal is pending
  handler.backend().add(operation::read, handler.fd(), &handler); // takes the removal back
}

template <class Handler>
void stop_reading(Handler& handler) {
  bool is_registered = (handler.eventbf() & caf::io::network::input_mask) != 0;
  handler.passivate();
  if (!is_registered) // an addition was pending and is taken back: the loop has nothing to tell of
    handler.removed_from_loop(operation::read);
}

} // namespace

void loop_scribe::add_to_loop() {
  start_reading(stream_, this);
}

void loop_scribe::remove_from_loop() {
  stop_reading(stream_);
}

void loop_doorman::add_to_loop() {
  start_reading(acceptor_, this);
}

void loop_doorman::remove_from_loop() {
  stop_reading(acceptor_);
}

bool loop_doorman::new_connection() {
  if (detached()) { // closed earlier in this iteration
    ::close(acceptor_.accepted_socket());
    return false;
  }
  auto& loop = acceptor_.backend();
  auto connected = caf::make_counted<loop_scribe>(loop, acceptor_.accepted_socket());
  auto handle = connected->hdl();
  parent()->add_scribe(std::move(connected));
  return doorman::new_connection(&loop, handle);
}

} // namespace portcullis::http
