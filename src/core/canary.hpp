#pragma once

#include "core/model.hpp"
#include "core/uuid.hpp"

#include <string_view>

/// Canaries: sessions that are minted and revoked to see how soon their end is known (docs/operations.md).
namespace portcullis {

/// Whose their events are. Nobody else can have this id: ids are UUIDv7, and it is one of 1970.
inline constexpr uuid canary_account_id{{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}};

/// The reason of the event that tells when the revocation was acknowledged; `occurred_at` is then that instant.
inline constexpr std::string_view canary_acknowledged = "canary acknowledged";

/// Whether the event is a canary's, and so ends no session of anybody's.
inline bool is_of_canary(const revocation_event& event) noexcept {
  return event.account_id == canary_account_id;
}

} // namespace portcullis
