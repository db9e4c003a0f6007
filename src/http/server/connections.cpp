#include "http/server/connections.hpp"

#include "core/failpoint.hpp"

#include <chrono>
#include <utility>

namespace portcullis::http {

namespace {

// Taken from a socket at a time. CAF fills the buffer with zeroes before each read, and few requests are longer.
constexpr std::size_t read_bytes_max = 2048;

} // namespace

connections::connections(caf::io::abstract_broker* broker, std::shared_ptr<sockets> calls,
                         std::function<instant()> now)
  : broker_(broker), calls_(std::move(calls)), now_(std::move(now)) {}

connection& connections::add(caf::io::connection_handle handle, const server_limits& limits) {
  auto slot = static_cast<std::size_t>(handle.id());
  if (slot >= by_descriptor_.size())
    by_descriptor_.resize(slot + 1);
  by_descriptor_[slot] = std::make_unique<connection>(handle, next_generation_++, limits.reader, now_());
  ++size_;
  auto& c = *by_descriptor_[slot];
  c.address = calls_->peer_address(handle.id());
  broker_->configure_read(handle, caf::io::receive_policy::at_most(read_bytes_max));
  broker_->ack_writes(handle, true);
  // Without it a peer that takes nothing could hold a closed connection's last bytes, and its descriptor, for
  // ever.
  calls_->set_write_timeout(handle.id(),
                            std::chrono::duration_cast<std::chrono::milliseconds>(limits.write_timeout).count());
  return c;
}

connection* connections::at(std::int64_t descriptor) const noexcept {
  auto slot = static_cast<std::size_t>(descriptor);
  return slot < by_descriptor_.size() ? by_descriptor_[slot].get() : nullptr;
}

connection* connections::find(const ticket& to) const noexcept {
  auto* c = at(to.connection);
  if (c == nullptr || (c->generation != to.generation && !fails(failpoint::connection_generation)))
    return nullptr;
  return c;
}

std::pair<connection*, exchange*> connections::find_exchange(const ticket& to) const noexcept {
  auto* c = find(to);
  return {c, c != nullptr ? c->find_exchange(to.exchange) : nullptr};
}

void connections::linger(connection& c) {
  calls_->shut_down(c.handle.id(), false);
  c.state = connection::mode::lingering;
  c.lingering_since = now_();
  unhalt(c);
}

void connections::drop(connection& c) {
  calls_->shut_down(c.handle.id(), true);
  broker_->close(c.handle);
  remove(c);
}

void connections::remove(connection& c) {
  auto slot = static_cast<std::size_t>(c.handle.id());
  if (at(c.handle.id()) != &c)
    return;
  c.state = connection::mode::lingering; // for a handler that still looks at it
  held_bytes_ -= std::exchange(c.accounted_bytes, 0);
  removed_.push_back(std::move(by_descriptor_[slot]));
  --size_;
  if (auto events = std::move(c.events))
    events->ended();
  if (on_removed_)
    on_removed_();
}

void connections::halt(connection& c) {
  if (!std::exchange(c.is_halted, true))
    broker_->halt(c.handle);
}

void connections::unhalt(connection& c) {
  if (std::exchange(c.is_halted, false))
    broker_->trigger(c.handle);
}

void connections::account(connection& c) noexcept {
  if (at(c.handle.id()) != &c)
    return; // it has gone
  auto held = c.held_bytes();
  held_bytes_ += held - c.accounted_bytes; // unsigned: wraps and comes back
  c.accounted_bytes = held;
}

} // namespace portcullis::http
