#pragma once

#include "core/error.hpp"
#include "core/model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

/// What the service asks of PostgreSQL: one struct per operation, its `result` beside it. Every operation
/// can be run again after its outcome was lost (all ids are made by the caller, before sending), and
/// operations of one kind that wait together run as one set-based statement and one commit.
namespace portcullis::db {

// -- reads -------------------------------------------------------------------------------------------------

/// Who holds this token? Never fails for an unknown token.
struct find_session {
  static constexpr bool is_write = false;
  token_hash hash;
  struct result {
    session_status status = session_status::unknown;
    session_record record; // set when the status is `active` or `revoked`
  };
};

/// `session_not_found` when no such row exists; a dead session is returned with `is_active` false.
struct get_session {
  static constexpr bool is_write = false;
  uuid session_id;
  using result = session;
};

/// The active sessions of an account by id (which is by creation), newest last. `account_not_found`.
struct list_sessions {
  static constexpr bool is_write = false;
  uuid account_id;
  std::optional<uuid> after; // exclusive
  std::size_t limit = 50;
  struct result {
    std::vector<session> sessions;
    bool has_more = false;
  };
};

/// `account_not_found`.
struct get_account {
  static constexpr bool is_write = false;
  uuid account_id;
  using result = account;
};

/// `account_not_found`.
struct find_account {
  static constexpr bool is_write = false;
  identity_key key;
  using result = account;
};

/// A page of the revocation log, for a subscriber whose cursor is older than what is held in memory.
struct read_events {
  static constexpr bool is_write = false;
  cursor after;
  std::size_t limit = 500;
  struct result {
    bool reset = false; // `after` is too old, in the future or from another history
    std::vector<revocation_event> events;
    cursor last; // the position reached: the last event's, or the end of the log when there is no more
  };
};

/// One round trip, for the readiness probe.
struct ping {
  static constexpr bool is_write = false;
  struct result {
    bool ok = true;
  };
};

// -- writes ------------------------------------------------------------------------------------------------

/// A session about to be minted.
struct session_draft {
  uuid session_id;
  token_hash hash;
  portcullis::device device;
};

/// An identity to be found or, under these ids, created.
struct identity_claim {
  identity_key key;
  uuid identity_id; // used if the identity is new
  uuid account_id;  // used if the identity is new
  std::optional<std::string> display_name;
};

struct minted {
  portcullis::session session;
  portcullis::account account;
  std::int32_t generation = 0;
  bool account_created = false;
};

/// `account_not_found`, for this one alone.
struct mint_session {
  static constexpr bool is_write = true;
  session_draft draft;
  uuid account_id;
  using result = minted;
};

/// Finds or creates the account and mints in the same transaction.
struct mint_for_identity {
  static constexpr bool is_write = true;
  session_draft draft;
  identity_claim claim;
  using result = minted;
};

/// A guest account and its first session in the same transaction.
struct mint_guest {
  static constexpr bool is_write = true;
  session_draft draft;
  uuid account_id;
  using result = minted;
};

struct find_or_create_account {
  static constexpr bool is_write = true;
  identity_claim claim;
  struct result {
    portcullis::account account;
    bool created = false;
  };
};

struct create_guest {
  static constexpr bool is_write = true;
  uuid account_id;
  using result = account;
};

/// Who asks for a revocation, and why; both go into the log.
struct revocation_cause {
  std::string reason; // short text, may be empty
  std::string actor;  // `user`, `internal`, `admin`, `reaper`
};

/// Ends one session, found by its id or by its token's hash. `session_not_found` when there never was one,
/// or when `owner` is given and it is another account's. Idempotent.
struct revoke_session {
  static constexpr bool is_write = true;
  std::variant<uuid, token_hash> target;
  std::optional<uuid> owner;
  revocation_cause cause;
  struct result {
    bool revoked = false; // false: it was dead already
    uuid session_id;
    uuid account_id;
    cursor position; // at or after the session's event in the log
  };
};

/// Ends every session of an account by raising its generation: one row, one event. `keep`, if it is an
/// active session of the account, moves to the new generation and lives on. `account_not_found`.
struct revoke_account {
  static constexpr bool is_write = true;
  uuid account_id;
  std::optional<uuid> keep;
  revocation_cause cause;
  struct result {
    std::size_t revoked = 0; // sessions that were active
    std::int32_t generation = 0;
    cursor position;
  };
};

/// Deletes the account and all it has, its sessions' end in the log. `account_not_found`, `account_seated`.
struct delete_account {
  static constexpr bool is_write = true;
  uuid account_id;
  revocation_cause cause;
  struct result {
    std::int32_t generation = 0; // above every session's
    cursor position;
  };
};

// -- all of them -------------------------------------------------------------------------------------------

using operation = std::variant<find_session, get_session, list_sessions, get_account, find_account, read_events,
                               ping, mint_session, mint_for_identity, mint_guest, find_or_create_account,
                               create_guest, revoke_session, revoke_account, delete_account>;

/// Whether the operation changes anything, and so ends in a commit.
inline bool is_write(const operation& op) noexcept {
  return std::visit([](const auto& o) { return std::decay_t<decltype(o)>::is_write; }, op);
}

/// The result of the operation at the same index of a batch, or why there is none.
using outcome = std::variant<failure, find_session::result, session, list_sessions::result, account,
                             read_events::result, ping::result, minted, find_or_create_account::result,
                             revoke_session::result, revoke_account::result, delete_account::result>;

} // namespace portcullis::db
