#pragma once

#include "http/server/connection.hpp"
#include "http/server/limits.hpp"
#include "http/server/sockets.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/scribe.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace portcullis::http {

/// The connections of a server, by descriptor: how they come, are found, and go. One that has gone stays in memory
/// until the end of the turn, since a handler may still look at it.
class connections {
public:
  connections(caf::io::abstract_broker* broker, std::shared_ptr<sockets> calls, std::function<instant()> now);

  connection& add(caf::io::connection_handle handle, const server_limits& limits);

  connection* at(std::int64_t descriptor) const noexcept;

  /// Null for a client that has left, whoever has its descriptor now (rule 7).
  connection* find(const ticket& to) const noexcept;

  /// The exchange is null once it was answered.
  std::pair<connection*, exchange*> find_exchange(const ticket& to) const noexcept;

  /// Shuts our side and reads on until the peer has closed: closing with unread input would reset the connection,
  /// and the reset can overtake the answer (RFC 9112, section 9.6).
  void linger(connection& c);

  /// Ends it at once, whatever is unsent.
  void drop(connection& c);

  /// It is closed: by `drop`, or by the peer.
  void remove(connection& c);

  /// Stops and goes on reading from its socket.
  void halt(connection& c);
  void unhalt(connection& c);

  /// Brings the total of what is held for all of them up to date.
  void account(connection& c) noexcept;

  void delete_removed() noexcept {
    removed_.clear();
  }

  template <class Visit>
  void for_each(Visit visit) const {
    for (auto& one : by_descriptor_)
      if (one)
        visit(std::as_const(*one));
  }
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < by_descriptor_.size(); ++i) // one that is visited may go
      if (by_descriptor_[i])
        visit(*by_descriptor_[i]);
  }

  /// Called after each that has gone.
  void on_removed(std::function<void()> then) {
    on_removed_ = std::move(then);
  }

  std::size_t size() const noexcept {
    return size_;
  }
  std::size_t held_bytes() const noexcept {
    return held_bytes_;
  }

private:
  caf::io::abstract_broker* broker_;
  std::shared_ptr<sockets> calls_;
  std::function<instant()> now_;
  std::function<void()> on_removed_;
  std::vector<std::unique_ptr<connection>> by_descriptor_;
  std::vector<std::unique_ptr<connection>> removed_;
  std::size_t size_ = 0;
  std::size_t held_bytes_ = 0;
  std::uint64_t next_generation_ = 1;
};

} // namespace portcullis::http
