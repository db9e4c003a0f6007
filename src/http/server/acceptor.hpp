#pragma once

#include "net/transport.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/accept_handle.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/scribe.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace portcullis::http {

/// A listening socket and what its connections are like.
struct listening {
  int descriptor = -1;
  std::function<std::unique_ptr<net::transport>()> make_transport; // empty: plain TCP
};

/// The listening sockets of a server. CAF does not tell of an accept that failed and tries again at once, for
/// ever: so none is tried while there is no room for a connection or no descriptor for it. Those who come wait in
/// the kernel's backlog.
class acceptor {
public:
  acceptor(caf::io::abstract_broker* broker, std::vector<listening> sockets);

  /// Which of the sockets a connection came from; 0 for one that a test opened.
  std::size_t index_of(caf::io::accept_handle from) const noexcept;

  /// Whether its connections have a transport, which begins with a handshake.
  bool has_transport(std::size_t index) const noexcept;

  std::unique_ptr<net::transport> make_transport(std::size_t index) const;

  /// Accepts while `has_room` and a descriptor is to be had.
  void update(bool has_room);

  using on_accepted = std::function<void(caf::io::accept_handle from, caf::io::connection_handle handle)>;

  /// Lets nobody else in; those who are at the door already can still be accepted.
  void drop_newcomers();

  /// Accepts those who are connected, whose requests may be on their way, and then nobody any more.
  void close(const on_accepted& accepted);

  bool is_closed() const noexcept {
    return handles_.empty();
  }

private:
  caf::io::abstract_broker* broker_;
  std::vector<listening> sockets_;
  std::vector<caf::io::accept_handle> handles_;
  bool is_accepting_ = true;
};

} // namespace portcullis::http
