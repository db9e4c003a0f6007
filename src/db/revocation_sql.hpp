#pragma once

#include "core/failpoint.hpp"
#include "db/advisory_locks.hpp"

#include <string>
#include <string_view>

/// How a transaction writes the revocation log.
namespace portcullis::db::sql {

/// The order of the log.
///
/// A reader asks for the events after the last seq that it has seen, so an event must never become visible after
/// one with a higher seq: seq order must be commit order. A transaction therefore takes one advisory lock before
/// it draws a seq and keeps it to its end. PostgreSQL makes a transaction visible before it releases its locks, so
/// the next seq is drawn when this one can be seen by everybody.
///
/// The lock is one for all, so it is taken last, by data dependency: `log_lock` needs the count of `ended`, which
/// needs all of its rows changed, and each event is made of a row of `ended` and the log_lock. By then the
/// statement before has locked every row that this one touches. A transaction that has the log_lock waits for
/// nothing but its own commit; one that is stuck behind a row lock does not have it and stalls no other
/// revocation. Nothing ended: no log_lock.
///
/// A row lock is waited for for a moment only (see `connect_options::lock_timeout`): its holder may keep it for
/// long. The log's lock is held for a commit, so it is waited for as long as a statement may take.
///
/// A statement that has `log_lock` is marked so (`statement::takes_log_lock`) and is the last of its transaction
/// where it can be.
///
/// No deadlocks: every writer locks accounts in the order of their ids, then sessions (of an account that it has
/// locked, in the order of theirs), then the log_lock. Mints stop after the accounts. The order is total, and
/// the holder of the log_lock asks for nothing more. The unique index over the operations' ids is no lock to wait
/// for either: two runs of one operation lock the same rows first.
inline std::string log_lock() {
  if (fails(failpoint::log_lock))
    return " log_lock as materialized (select from (select count(*) as rows from ended) d where d.rows > 0),";
  return " log_lock as materialized (select pg_advisory_xact_lock(" + std::to_string(revocation_log_lock)
         + ") from (select count(*) as rows from ended) d where d.rows > 0"
           " and set_config('lock_timeout', current_setting('statement_timeout'), true) is not null),";
}

inline constexpr std::string_view insert_events =
  " logged as (insert into revocation_events (seq, kind, session_id, account_id, generation, reason, actor,"
  " operation_id, sessions_ended) select nextval('revocation_events_seq'), ";

inline constexpr std::string_view returning_events =
  " from ended d cross join log_lock returning seq, account_id, session_id, operation_id)";

} // namespace portcullis::db::sql
