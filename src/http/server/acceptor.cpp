#include "http/server/acceptor.hpp"

#include "core/failpoint.hpp"
#include "net/listener.hpp"
#include "telemetry/log.hpp"

#include <utility>

namespace portcullis::http {

acceptor::acceptor(caf::io::abstract_broker* broker, std::vector<listening> sockets)
  : broker_(broker), sockets_(std::move(sockets)) {
  for (auto& socket : sockets_)
    handles_.push_back(broker_->add_doorman(socket.descriptor));
}

std::size_t acceptor::index_of(caf::io::accept_handle from) const noexcept {
  for (std::size_t i = 0; i < handles_.size(); ++i)
    if (handles_[i] == from)
      return i;
  return 0;
}

std::unique_ptr<net::transport> acceptor::make_transport(std::size_t index) const {
  bool is_plain = index >= sockets_.size() || !sockets_[index].make_transport;
  return is_plain ? nullptr : sockets_[index].make_transport();
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

void acceptor::close() {
  for (auto& handle : std::exchange(handles_, {}))
    broker_->close(handle);
}

} // namespace portcullis::http
