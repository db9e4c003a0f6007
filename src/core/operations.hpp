#pragma once

#include "core/audit.hpp"
#include "core/error.hpp"
#include "core/model.hpp"
#include "core/operators_operations.hpp"
#include "core/revocation_cause.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What the service asks of PostgreSQL: one struct per operation, its `result` beside it. Every operation
/// can be run again after its outcome was lost (all ids are made by the caller, before sending), and
/// operations of one kind that wait together run as one set-based statement and one commit.
///
/// What an operation makes is found again by the id of what it made. What ends or sets something has an
/// `operation_id` to be found by: run again, it answers what it did the first time and does nothing twice.
///
/// What changes something says whose request it comes from (`origin`). Its transaction adds an entry to the audit
/// for each thing that it has in fact changed, and none for what it found to be so already. What has no origin
/// says by `asked_by` whose span it belongs to.
namespace portcullis::store {

// -- reads -------------------------------------------------------------------------------------------------

/// Who holds this token? Never fails for an unknown token.
struct find_session {
  static constexpr bool is_write = false;
  token_hash hash;
  /// What the answer is to have seen of the revocation log. The database has seen all of it; what answers in its
  /// stead at an edge may lag.
  std::optional<cursor> at_least = std::nullopt;
  trace_point asked_by{};
  struct result {
    session_status status = session_status::unknown;
    session_record record; // set when the status is not `unknown`
  };
};

/// `session_not_found` when no such row exists; a dead session is returned with `is_active` false.
struct get_session {
  static constexpr bool is_write = false;
  uuid session_id;
  trace_point asked_by{};
  using result = session;
};

/// The active sessions of an account by id (which is by creation), newest last. `account_not_found`.
struct list_sessions {
  static constexpr bool is_write = false;
  uuid account_id;
  std::optional<uuid> after; // exclusive
  std::size_t limit = 50;
  trace_point asked_by{};
  struct result {
    std::vector<session> sessions;
    bool has_more = false;
  };
};

/// `account_not_found`.
struct get_account {
  static constexpr bool is_write = false;
  uuid account_id;
  trace_point asked_by{};
  using result = account;
};

/// `account_not_found`.
struct find_account {
  static constexpr bool is_write = false;
  identity_key key;
  trace_point asked_by{};
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

/// What time the database has. Whatever the database dated is aged by this clock and no other.
struct read_clock {
  static constexpr bool is_write = false;
  trace_point asked_by{};
  struct result {
    timestamp now{};
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
  /// Sessions of the account that ended because there were too many. Of several mints for one account that were
  /// done together, the first tells them all.
  std::vector<uuid> superseded;
  std::optional<cursor> position; // at or after the last of their events, for each of those mints
};

/// `account_not_found`, for this one alone.
struct mint_session {
  static constexpr bool is_write = true;
  session_draft draft;
  uuid account_id;
  audit_origin origin{};
  using result = minted;
};

/// Finds or creates the account and mints in the same transaction.
struct mint_for_identity {
  static constexpr bool is_write = true;
  session_draft draft;
  identity_claim claim;
  audit_origin origin{};
  using result = minted;
};

/// A guest account and its first session in the same transaction.
struct mint_guest {
  static constexpr bool is_write = true;
  session_draft draft;
  uuid account_id;
  audit_origin origin{};
  using result = minted;
};

struct find_or_create_account {
  static constexpr bool is_write = true;
  identity_claim claim;
  audit_origin origin{};
  struct result {
    portcullis::account account;
    bool created = false;
  };
};

struct create_guest {
  static constexpr bool is_write = true;
  uuid account_id;
  audit_origin origin{};
  using result = account;
};

/// Ends one session, found by its id or by its token's hash. `session_not_found` when there never was one,
/// or when `owner` is given and it is another account's. Idempotent.
struct revoke_session {
  static constexpr bool is_write = true;
  std::variant<uuid, token_hash> target;
  std::optional<uuid> owner;
  revocation_cause cause;
  uuid operation_id{};
  audit_origin origin{};
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
  uuid operation_id{};
  audit_origin origin{};
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
  uuid operation_id{};
  audit_origin origin{};
  struct result {
    std::int32_t generation = 0; // above every session's
    cursor position;
  };
};

/// Links an identity to an account; a guest becomes a full account with the same id. With `rotation`, the session
/// of `rotation->old_hash` (which must be an active one of the account) is replaced by a new one in the same
/// transaction. `account_not_found`, `identity_taken`, `session_unknown` (nothing changed by any of them).
struct link_identity {
  static constexpr bool is_write = true;
  uuid account_id;
  identity_key key;
  uuid identity_id; // used if the identity is new; the operation is found again by it
  struct token_rotation {
    token_hash old_hash;
    session_draft draft;
  };
  std::optional<token_rotation> rotation;
  revocation_cause cause; // of the old session's end
  audit_origin origin{};
  struct result {
    portcullis::account account;
    bool was_linked = false;       // already, to this account: nothing changed but for the rotation
    bool was_upgraded = false;     // it was a guest until now
    std::int32_t generation = 0;   // the account's
    std::optional<minted> rotated; // the new session
    uuid ended_session_id;         // the old one, when rotated
    cursor position;               // at or after every event that this wrote
  };
};

/// Removes an identity. `account_not_found`, `identity_not_found`, `identity_last` (the only one of a full
/// account).
struct unlink_identity {
  static constexpr bool is_write = true;
  uuid account_id;
  identity_key key;
  uuid operation_id{};
  audit_origin origin{};
  using result = account;
};

/// Sets or (with nothing) clears the display name. `account_not_found`.
struct set_display_name {
  static constexpr bool is_write = true;
  uuid account_id;
  std::optional<std::string> display_name;
  uuid operation_id{};
  audit_origin origin{};
  using result = account;
};

/// Seats an account in a game, or moves it to another seat. `account_not_found`.
struct seat_player {
  static constexpr bool is_write = true;
  uuid game_id;
  uuid account_id;
  std::optional<std::int32_t> seat;
  uuid operation_id{};
  audit_origin origin{};
  struct result {};
};

/// Takes a seat back. That the player has none, or that there is no such account, is no error: idempotent.
struct unseat_player {
  static constexpr bool is_write = true;
  uuid game_id;
  uuid account_id;
  uuid operation_id{};
  audit_origin origin{};
  struct result {
    cursor position; // the end of the log as of the commit: unseating ends no session
  };
};

/// Takes all seats of a game back; idempotent.
struct unseat_game {
  static constexpr bool is_write = true;
  uuid game_id;
  uuid operation_id{};
  audit_origin origin{};
  struct result {
    cursor position; // as above
  };
};

// -- for the reaper ----------------------------------------------------------------------------------------

/// How far a stage of a sweep has come: the last row of the batch before, in the order of (`time`, `id`). The
/// beginning of time for the first batch.
struct sweep_position {
  timestamp time{};
  uuid id;
};

/// What a batch of a stage has done.
struct swept {
  bool is_leader = true; // false: another replica sweeps, and nothing was done
  std::size_t rows = 0;  // removed (guests: counted, by a dry run)
  bool has_more = false;
  sweep_position reached;
  /// The oldest row that should go and was left because somebody holds it (of expired sessions).
  std::optional<timestamp> left;
};

/// Looks at no more than `limit` guests that were created before the cut-off and deletes those that have no seat,
/// writing one event for each that had an active session. Rows that somebody holds are skipped. With `dry_run` it
/// counts and changes nothing. The cut-offs of these are by the database's clock (`read_clock`).
struct reap_guests {
  static constexpr bool is_write = true;
  timestamp created_before{};
  sweep_position after;
  std::size_t limit = 1000;
  bool dry_run = false;
  revocation_cause cause;
  audit_origin origin{};
  using result = swept;
};

/// Deletes at most `limit` sessions that ended one by one, before the cut-off.
struct delete_dead_sessions {
  static constexpr bool is_write = true;
  timestamp ended_before{};
  sweep_position after;
  std::size_t limit = 1000;
  trace_point asked_by{};
  using result = swept;
};

/// Deletes at most `limit` sessions that ended with all of their account's, before the cut-off.
struct delete_dead_generations {
  static constexpr bool is_write = true;
  timestamp ended_before{};
  sweep_position after;
  std::size_t limit = 1000;
  trace_point asked_by{};
  using result = swept;
};

/// Looks at no more than `limit` sessions that were created before the cut-off and deletes those that were not
/// revoked: of guests, or of full accounts. Rows that somebody holds are left.
struct delete_expired_sessions {
  static constexpr bool is_write = true;
  timestamp created_before{};
  bool of_guests = false;
  sweep_position after;
  std::size_t limit = 1000;
  trace_point asked_by{};
  using result = swept;
};

/// Deletes at most `limit` of the oldest events, those before the cut-off, and moves the point from which cursors
/// can resume.
struct prune_events {
  static constexpr bool is_write = true;
  timestamp occurred_before{};
  std::size_t limit = 1000;
  trace_point asked_by{};
  using result = swept; // `reached` stays where it is: what is left begins the log
};

/// Deletes at most `limit` of the oldest entries of the audit, those before the cut-off.
struct prune_audit {
  static constexpr bool is_write = true;
  timestamp occurred_before{};
  std::size_t limit = 1000;
  trace_point asked_by{};
  using result = swept; // `reached` stays where it is, as above
};

// -- for the canary ----------------------------------------------------------------------------------------

/// A transaction in the life of a session that is minted and revoked to see how soon its end is known. It is none
/// of those that are counted or listed. `revoke` has an event in the log as any session's end has; `acknowledge`
/// has another, which tells when the first was acknowledged, and removes the row.
struct canary_step {
  static constexpr bool is_write = true;
  enum class stage : std::uint8_t { mint, revoke, acknowledge };
  stage what = stage::mint;
  uuid session_id;
  token_hash hash{};           // of `mint`
  timestamp acknowledged_at{}; // of `acknowledge`, by the clock of the database
  struct result {
    cursor position; // at or after what it has written to the log
  };
};

// -- all of them -------------------------------------------------------------------------------------------

using operation =
  std::variant<find_session, get_session, list_sessions, get_account, find_account, read_events, read_clock, ping,
               list_accounts, count_all, count_selected, get_revocation_job, list_audit, mint_session,
               mint_for_identity, mint_guest, find_or_create_account, create_guest, link_identity, unlink_identity,
               set_display_name, seat_player, unseat_player, unseat_game, revoke_session, revoke_account,
               delete_account, reap_guests, delete_dead_sessions, delete_dead_generations, delete_expired_sessions,
               prune_events, create_revocation_job, work_on_revocation_jobs, record_audit, prune_audit,
               canary_step>;

/// The result of the operation at the same index of a batch, or why there is none.
using outcome =
  std::variant<failure, find_session::result, session, list_sessions::result, account, read_events::result,
               read_clock::result, ping::result, list_accounts::result, count_all::result, list_audit::result,
               minted, find_or_create_account::result, link_identity::result, seat_player::result,
               unseat_player::result, unseat_game::result, revoke_session::result, revoke_account::result,
               delete_account::result, swept, record_audit::result, count_selected::result, revocation_job,
               work_on_revocation_jobs::result, canary_step::result>;

} // namespace portcullis::store
