#pragma once

#include "actors/sources.hpp"
#include "core/operations.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace portcullis {

/// Makes the ids and secrets of what an actor is about to write, before it is sent: so a write whose outcome was
/// lost can be asked for.
class minting {
public:
  explicit minting(const sources& from) : from_(from), ids_(from.random) {}

  uuid next_id() {
    return ids_.next(from_.wall_clock());
  }

  token new_token() const {
    std::array<std::uint8_t, 32> bits{};
    from_.random(bits.data(), bits.size());
    return token::from_random(bits);
  }

  store::session_draft draft(const token& secret, device holder) {
    return {next_id(), secret.hash(), std::move(holder)};
  }

  store::identity_claim claim(identity_key key, std::optional<std::string> display_name) {
    auto identity_id = next_id();
    return {std::move(key), identity_id, next_id(), std::move(display_name)};
  }

  /// The operation under an id of its own, by which it finds what it did when it is run again.
  template <class Operation>
  Operation named(Operation order) {
    order.operation_id = next_id();
    return order;
  }

  instant now() const {
    return from_.monotonic();
  }

private:
  sources from_;
  uuid_v7_generator ids_;
};

/// A freshly minted session as memory keeps it.
inline session_record record_of(const store::minted& made) {
  const auto& s = made.session;
  return {s.session_id, s.account_id, s.created_at, made.generation, s.is_guest, s.expires_at};
}

} // namespace portcullis
