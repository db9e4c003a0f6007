#include "http/server/acceptor.hpp"

#include "core/failpoint.hpp"
#include "http/server/loop_sockets.hpp"
#include "net/listener.hpp"
#include "telemetry/log.hpp"

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/make_counted.hpp>

#include <utility>

namespace portcullis::http {

namespace {

/// Only sockets of the kernel come here; tests with a loop of their own bring their doormen along.
caf::io::network::default_multiplexer& loop_of(caf::io::abstract_broker& broker) {
  return dynamic_cast<caf::io::network::default_multiplexer&>(broker.backend());
}

} // namespace

acceptor::acceptor(caf::io::abstract_broker* broker, std::vector<listening> sockets)
  : broker_(broker), sockets_(std::move(sockets)) {
  for (auto& socket : sockets_) {
    auto door = caf::make_counted<loop_doorman>(loop_of(*broker_), socket.descriptor);
    handles_.push_back(door->hdl());
    broker_->add_doorman(std::move(door));
  }
}

std::size_t acceptor::index_of(caf::io::accept_handle from) const noexcept {
  for (std::size_t i = 0; i < handles_.size(); ++i)
    if (handles_[i] == from)
      return i;
  return 0;
}

bool acceptor::has_transport(std::size_t index) const noexcept {
  return index < sockets_.size() && sockets_[index].make_transport;
}

std::unique_ptr<net::transport> acceptor::make_transport(std::size_t index) const {
  return has_transport(index) ? sockets_[index].make_transport() : nullptr;
}

void acceptor::update(bool has_room) {
  if (handles_.empty())
    return;
  bool accepts = (has_room && has_spare_descriptor()) || fails(failpoint::connection_bound);
  if (accepts == is_accepting_)
    return;
  if (has_room && !accepts)
    log::warn("no new connections: no file descriptor is left");
  is_accepting_ = accepts;
  for (auto& handle : handles_) {
    if (accepts)
      broker_->trigger(handle);
    else
      broker_->halt(handle);
  }
}

void acceptor::drop_newcomers() {
  for (auto& socket : sockets_)
    drop_new_connections(socket.descriptor);
}

void acceptor::close(const on_accepted& accepted) {
  for (std::size_t i = 0; i < handles_.size(); ++i) {
    const int door = sockets_[i].descriptor;
    for (int fd = accept_waiting(door); fd >= 0; fd = accept_waiting(door)) {
      auto connected = caf::make_counted<loop_scribe>(loop_of(*broker_), fd);
      auto handle = connected->hdl();
      broker_->add_scribe(std::move(connected));
      accepted(handles_[i], handle);
    }
    broker_->close(handles_[i]);
  }
  handles_.clear();
}

} // namespace portcullis::http
