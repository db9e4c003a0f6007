#pragma once

#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The nouns of the domain, as values.
namespace portcullis {

enum class identity_kind : std::uint8_t { telegram, email };

std::string_view to_string(identity_kind kind) noexcept;
std::optional<identity_kind> parse_identity_kind(std::string_view text) noexcept;

/// What names a person outside this service. `external_id` is normalized: see text/identity.hpp.
struct identity_key {
  identity_kind kind = identity_kind::telegram;
  std::string external_id;
};

struct identity {
  identity_key key;
  timestamp created_at{};
};

struct account {
  uuid account_id;
  bool is_guest = false;
  std::optional<std::string> display_name;
  timestamp created_at{};
  std::vector<identity> identities; // by creation, oldest first
};

/// What the client said of the device that holds the session. Empty means not said.
struct device {
  std::string label;
  std::string user_agent;
  std::string ip; // the canonical text of an IPv4 or IPv6 address
};

/// A session as the database tells it.
struct session {
  uuid session_id;
  uuid account_id;
  bool is_guest = false;
  timestamp created_at{};
  portcullis::device device;
  std::optional<timestamp> revoked_at; // set too when its generation died, from the account's last change
  std::string revoke_reason;
  std::optional<timestamp> expires_at; // nothing: it lives until it is revoked
  bool is_active = true;               // neither revoked nor expired
};

/// A session as the hot path needs it: fixed size, no heap.
struct session_record {
  uuid session_id;
  uuid account_id;
  timestamp created_at{};
  std::int32_t generation = 0; // dead once its account's generation is higher
  bool is_guest = false;
  std::optional<timestamp> expires_at{}; // by the clock of the database; nothing: it lives until it is revoked
};

/// Whether the session is over at `now`, by the clock that dated it: from the very instant of its expiry on.
inline bool is_expired(const session_record& s, timestamp now) noexcept {
  return s.expires_at && now >= *s.expires_at;
}

/// A session under its token's hash, as the warm-up brings it.
struct warm_session {
  token_hash hash;
  session_record record;
};

/// What is known of a token. A session that was revoked is that, however old it is.
enum class session_status : std::uint8_t { unknown, revoked, expired, active };

/// A position in the revocation log. The epoch names a history: it changes when the database's does
/// (restore, failover), and then `seq` means nothing any more.
struct cursor {
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;

  /// `<epoch: 16 hex digits>-<seq: decimal>`.
  static std::optional<cursor> parse(std::string_view text) noexcept;
};

std::string to_string(const cursor& c);

enum class revocation_kind : std::uint8_t { session, account };

/// One entry of the revocation log. `session`: that session is dead. `account`: every session of the
/// account with a generation below `generation` is dead.
struct revocation_event {
  std::uint64_t seq = 0;
  revocation_kind kind = revocation_kind::session;
  uuid session_id; // nil for `account`
  uuid account_id;
  std::int32_t generation = 0;
  std::string reason;
  std::string actor; // who ended it: see `revocation_cause`
  timestamp occurred_at{};
  /// The same by the clock of this process, or earlier: its age by the database's clock, before the read that
  /// found it began. `instant::min()` if that is not known.
  instant happened = instant::min();
};

inline bool operator==(const identity_key& a, const identity_key& b) {
  return a.kind == b.kind && a.external_id == b.external_id;
}
inline bool operator==(const identity& a, const identity& b) {
  return a.key == b.key && a.created_at == b.created_at;
}
inline bool operator==(const account& a, const account& b) {
  return a.account_id == b.account_id && a.is_guest == b.is_guest && a.display_name == b.display_name
         && a.created_at == b.created_at && a.identities == b.identities;
}
inline bool operator==(const device& a, const device& b) {
  return a.label == b.label && a.user_agent == b.user_agent && a.ip == b.ip;
}
inline bool operator==(const session& a, const session& b) {
  return a.session_id == b.session_id && a.account_id == b.account_id && a.is_guest == b.is_guest
         && a.created_at == b.created_at && a.device == b.device && a.revoked_at == b.revoked_at
         && a.revoke_reason == b.revoke_reason && a.expires_at == b.expires_at && a.is_active == b.is_active;
}
inline bool operator==(const session_record& a, const session_record& b) {
  return a.session_id == b.session_id && a.account_id == b.account_id && a.created_at == b.created_at
         && a.generation == b.generation && a.is_guest == b.is_guest && a.expires_at == b.expires_at;
}
inline bool operator==(const cursor& a, const cursor& b) noexcept {
  return a.epoch == b.epoch && a.seq == b.seq;
}
inline bool operator!=(const cursor& a, const cursor& b) noexcept {
  return !(a == b);
}
inline bool operator==(const revocation_event& a, const revocation_event& b) {
  return a.seq == b.seq && a.kind == b.kind && a.session_id == b.session_id && a.account_id == b.account_id
         && a.generation == b.generation && a.reason == b.reason && a.actor == b.actor
         && a.occurred_at == b.occurred_at;
}

} // namespace portcullis
