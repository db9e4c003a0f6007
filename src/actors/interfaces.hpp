#pragma once

#include "actors/messages.hpp"

#include <caf/io/broker.hpp>
#include <caf/io/system_messages.hpp>
#include <caf/io/typed_broker.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

/// The actors, by what they can be asked. Small interfaces come first: an actor is handed the narrowest one
/// that it needs. docs/architecture.md tells who lives on which thread.
namespace portcullis {

// -- numbers -----------------------------------------------------------------------------------------------

/// Has numbers for /metrics, under names of its own.
using metrics_source_actor = caf::typed_actor<caf::replies_to<read_numbers>::with<all_numbers>>;

/// The session cache's numbers.
using cache_stats_actor = caf::typed_actor<caf::replies_to<read_cache_stats>::with<cache_stats>>;

/// The database pool's numbers.
using pool_stats_actor = caf::typed_actor<caf::replies_to<read_pool_stats>::with<pool_stats>>;

// -- what the database pool offers, by subject -------------------------------------------------------------

/// Loads a session by its token's hash.
using session_loader_actor = caf::typed_actor<
  // What the database knows of the token; `unknown` is an answer, not an error.
  caf::replies_to<store::find_session>::with<store::find_session::result>>;

/// Keeps sessions.
using session_store_actor = caf::typed_actor<
  // Mints; `account_not_found`.
  caf::replies_to<store::mint_session>::with<store::minted>,
  // Finds or creates the account, and mints.
  caf::replies_to<store::mint_for_identity>::with<store::minted>,
  // Creates a guest, and mints.
  caf::replies_to<store::mint_guest>::with<store::minted>,
  // Ends one session; `session_not_found`.
  caf::replies_to<store::revoke_session>::with<store::revoke_session::result>,
  // Ends all of an account's; `account_not_found`.
  caf::replies_to<store::revoke_account>::with<store::revoke_account::result>,
  // One session, dead or alive; `session_not_found`.
  caf::replies_to<store::get_session>::with<session>,
  // A page of an account's active sessions; `account_not_found`.
  caf::replies_to<store::list_sessions>::with<store::list_sessions::result>>;

/// Keeps accounts.
using account_store_actor = caf::typed_actor<
  // The account of an identity, made if there is none.
  caf::replies_to<store::find_or_create_account>::with<store::find_or_create_account::result>,
  // A new guest.
  caf::replies_to<store::create_guest>::with<account>,
  // By id; `account_not_found`.
  caf::replies_to<store::get_account>::with<account>,
  // By identity; `account_not_found`.
  caf::replies_to<store::find_account>::with<account>,
  // Links; `account_not_found`, `identity_taken`, `session_unknown`.
  caf::replies_to<store::link_identity>::with<store::link_identity::result>,
  // Unlinks; `account_not_found`, `identity_not_found`, `identity_last`.
  caf::replies_to<store::unlink_identity>::with<account>,
  // Renames; `account_not_found`.
  caf::replies_to<store::set_display_name>::with<account>,
  // Seats; `account_not_found`.
  caf::replies_to<store::seat_player>::with<store::seat_player::result>,
  // Takes a seat back.
  caf::replies_to<store::unseat_player>::with<store::unseat_player::result>,
  // Takes all of a game's seats back.
  caf::replies_to<store::unseat_game>::with<store::unseat_game::result>,
  // Searches.
  caf::replies_to<store::list_accounts>::with<store::list_accounts::result>,
  // Counts.
  caf::replies_to<store::count_all>::with<store::count_all::result>,
  // Adds entries to the audit that no change carries along.
  caf::replies_to<store::record_audit>::with<store::record_audit::result>,
  // Searches the audit.
  caf::replies_to<store::list_audit>::with<store::list_audit::result>,
  // Deletes; `account_not_found`, `account_seated`.
  caf::replies_to<store::delete_account>::with<store::delete_account::result>>;

/// Removes what nobody needs any more, a bounded batch at a time.
using reaper_store_actor = caf::typed_actor<
  // By which clock the rest are aged.
  caf::replies_to<store::read_clock>::with<store::read_clock::result>,
  // Abandoned guests, and the end of their sessions.
  caf::replies_to<store::reap_guests>::with<store::swept>,
  // Rows of sessions that ended one by one, long ago.
  caf::replies_to<store::delete_dead_sessions>::with<store::swept>,
  // Rows of sessions that ended with all of their account's, long ago.
  caf::replies_to<store::delete_dead_generations>::with<store::swept>,
  // Rows of sessions that expired, long ago.
  caf::replies_to<store::delete_expired_sessions>::with<store::swept>,
  // Events that no cursor may resume from any more.
  caf::replies_to<store::prune_events>::with<store::swept>,
  // Entries of the audit that are old enough.
  caf::replies_to<store::prune_audit>::with<store::swept>>;

/// Keeps bulk revocations, and does them a bounded batch at a time.
using bulk_store_actor = caf::typed_actor<
  // How many sessions are selected: a part of a count.
  caf::replies_to<store::count_selected>::with<store::count_selected::result>,
  // Accepts a job; `overloaded`.
  caf::replies_to<store::create_revocation_job>::with<revocation_job>,
  // How far one has come; `job_not_found`.
  caf::replies_to<store::get_revocation_job>::with<revocation_job>,
  // The next part of one.
  caf::replies_to<store::work_on_revocation_jobs>::with<store::work_on_revocation_jobs::result>>;

/// Mints and revokes canaries.
using canary_store_actor = caf::typed_actor<
  // The next transaction in the life of one.
  caf::replies_to<store::canary_step>::with<store::canary_step::result>,
  // What time the database has.
  caf::replies_to<store::read_clock>::with<store::read_clock::result>>;

/// Reads old entries of the revocation log, and tells whether the database answers at all.
using log_store_actor = caf::typed_actor<
  // A page of the log after a cursor.
  caf::replies_to<store::read_events>::with<store::read_events::result>,
  // One round trip.
  caf::replies_to<store::ping>::with<store::ping::result>>;

/// The DB POOL: the bounded queue in front of PostgreSQL. Each request is answered within the operation
/// time-out, with `database_unavailable` if need be, or at once with `overloaded`.
using db_pool_actor = session_loader_actor::extend_with<session_store_actor>::extend_with<
  account_store_actor>::extend_with<log_store_actor>::extend_with<reaper_store_actor>::
  extend_with<bulk_store_actor>::extend_with<pool_stats_actor>::extend_with<metrics_source_actor>::extend<
    // Of the `canary_store_actor`; `read_clock` is the reaper's as well.
    caf::replies_to<store::canary_step>::with<store::canary_step::result>,
    // From a worker: what is known of its batch so far.
    caf::reacts_to<db_outcomes>,
    // Gives a connection back, if it has more than one.
    caf::reacts_to<yield_connection>,
    // Deadlines, backoff, growth and shrinking.
    caf::reacts_to<tick_atom>>;

/// A DB WORKER: one connection, on a thread of its own.
using db_worker_actor = caf::typed_actor<
  // Runs a batch; never an error: what failed is in the result. The asker is told of outcomes ahead
  // (`db_outcomes`).
  caf::replies_to<db_batch>::with<db_batch_result>,
  // Makes the connection usable.
  caf::replies_to<db_connect>::with<db_connect_result>>;

// -- the edge's way to the service -------------------------------------------------------------------------

/// The SERVICE LOADER: asks the session service for the tokens that an edge does not know, many in one request.
/// Each request is answered within the time-out of the client, with `database_unavailable` or `history_stale` if
/// need be, or at once with `overloaded`.
using service_loader_actor = session_loader_actor::extend_with<metrics_source_actor>::extend<
  // The answer to a batch, from the client's thread.
  caf::reacts_to<lookup_answered>>;

// -- revocations -------------------------------------------------------------------------------------------

/// Hears of every revocation, in log order. The feed tells its sinks one after the other: the cache before the
/// front, so no subscriber hears of a revocation that its own replica does not honour yet.
using revocation_sink_actor = caf::typed_actor<
  // The log was read up to here. The reply asks for the next: a sink that is busy slows the feed down (rule 8).
  caf::replies_to<log_progress>::with<applied>,
  // The log does not continue what came before.
  caf::replies_to<epoch_changed>::with<applied>,
  // Memory is complete.
  caf::replies_to<cache_warmed>::with<applied>>;

/// The REVOCATION FEED: reads the log on a thread of its own and tells the sinks. It is woken through the
/// `log_wakeup`, since a thread that waits for a socket does not see its mailbox.
using revocation_feed_actor = caf::typed_actor<
  // One round: wait for the wakeup, a hint or the poll interval, then read.
  caf::reacts_to<tick_atom>>;

// -- the session cache -------------------------------------------------------------------------------------

/// Applies what this replica has committed, before it is acknowledged to the caller (rules 1 and 2).
using session_registry_actor = caf::typed_actor<
  // Write-through of a mint.
  caf::replies_to<session_minted>::with<applied>,
  // Forgets a session for good.
  caf::replies_to<session_revoked>::with<applied>,
  // Forgets what it knows of an account's sessions: they ended, or changed.
  caf::replies_to<account_revoked>::with<applied>>;

/// Tells what memory knows of a session by its id, at once.
using session_recall_actor = caf::typed_actor<caf::replies_to<recall_session>::with<recalled_session>>;

/// The SESSION CACHE, on the I/O thread.
using session_cache_actor = session_registry_actor::extend_with<revocation_sink_actor>::
  extend_with<cache_stats_actor>::extend_with<metrics_source_actor>::extend_with<session_recall_actor>::extend<
    // Answers from memory, at once.
    caf::replies_to<peek_sessions>::with<peeked_sessions>,
    // Answers from PostgreSQL (an edge's: the service); `database_unavailable`, `overloaded` or `history_stale` if
    // it cannot.
    caf::replies_to<load_session>::with<resolution>,
    // A part of the warm-up; the reply asks for the next.
    caf::replies_to<warm_sessions>::with<applied>,
    // The next part of what ended accounts and epochs left in memory.
    caf::reacts_to<step_atom>>;

// -- the domain --------------------------------------------------------------------------------------------

/// The SESSION actor: mints, revokes, lists. Each reply comes after the commit and after the cache knows.
using session_actor = caf::typed_actor<
  // A new session and its token; `account_not_found`.
  caf::replies_to<mint_request>::with<mint_reply>,
  // Ends one; `session_not_found`.
  caf::replies_to<store::revoke_session>::with<store::revoke_session::result>,
  // Ends all of an account's; `account_not_found`.
  caf::replies_to<store::revoke_account>::with<store::revoke_account::result>,
  // Looks one up; `session_not_found`.
  caf::replies_to<store::get_session>::with<session>,
  // Lists an account's; `account_not_found`.
  caf::replies_to<store::list_sessions>::with<store::list_sessions::result>>::extend_with<metrics_source_actor>;

/// The ACCOUNT actor: finds, creates, links, seats, deletes; for operators, counts, searches and the audit.
using account_actor = caf::typed_actor<
  // The account of an identity, made if there is none.
  caf::replies_to<find_or_create_request>::with<store::find_or_create_account::result>,
  // A new guest.
  caf::replies_to<create_guest_request>::with<account>,
  // By id; `account_not_found`.
  caf::replies_to<store::get_account>::with<account>,
  // By identity; `account_not_found`.
  caf::replies_to<store::find_account>::with<account>,
  // Links an identity; a guest becomes a full account; `account_not_found`, `identity_taken`, `session_unknown`.
  caf::replies_to<link_request>::with<link_reply>,
  // Unlinks; `account_not_found`, `identity_not_found`, `identity_last`.
  caf::replies_to<store::unlink_identity>::with<account>,
  // Renames; `account_not_found`.
  caf::replies_to<store::set_display_name>::with<account>,
  // Seats in a game; `account_not_found`.
  caf::replies_to<store::seat_player>::with<store::seat_player::result>,
  // Takes a seat back.
  caf::replies_to<store::unseat_player>::with<store::unseat_player::result>,
  // Takes all of a game's seats back.
  caf::replies_to<store::unseat_game>::with<store::unseat_game::result>,
  // Searches.
  caf::replies_to<store::list_accounts>::with<store::list_accounts::result>,
  // Counts accounts and active sessions.
  caf::replies_to<store::count_all>::with<store::count_all::result>,
  // Adds entries to the audit that no change carries along.
  caf::replies_to<store::record_audit>::with<store::record_audit::result>,
  // Searches the audit.
  caf::replies_to<store::list_audit>::with<store::list_audit::result>,
  // Deletes the account and ends its sessions; `account_not_found`, `account_seated`.
  caf::replies_to<store::delete_account>::with<store::delete_account::result>>::extend_with<metrics_source_actor>;

/// The REAPER: sweeps at its interval, or when told to.
using reaper_actor = caf::typed_actor<
  // Is it time? The first one starts the clock: there is a schema.
  caf::reacts_to<tick_atom>,
  // The next transaction of a sweep.
  caf::reacts_to<step_atom>,
  // A sweep now; the reply comes when it is over.
  caf::replies_to<run_reaper>::with<reaper_run>,
  // The last sweep, and the next.
  caf::replies_to<read_reaper_status>::with<reaper_status>>::extend_with<metrics_source_actor>;

/// The BULK REVOKER: ends what operators select, whoever accepted it.
using bulk_revoker_actor = caf::typed_actor<
  // Is there a job? The first one starts the clock: there is a schema.
  caf::reacts_to<tick_atom>,
  // The next transaction of one.
  caf::reacts_to<step_atom>,
  // How many sessions are selected now; changes nothing.
  caf::replies_to<count_bulk_revocation>::with<revocation_counts>,
  // Accepts a job; `overloaded`.
  caf::replies_to<order_bulk_revocation>::with<revocation_job>,
  // How far one has come; `job_not_found`.
  caf::replies_to<store::get_revocation_job>::with<revocation_job>>::extend_with<metrics_source_actor>;

/// The CANARY: mints and revokes a session of its own at an interval, so that all who follow the log can tell how
/// soon they knew.
using canary_actor = caf::typed_actor<
  // A round now. The first one starts the clock: there is a schema.
  caf::reacts_to<tick_atom>>::extend_with<metrics_source_actor>;

// -- the edge of the process -------------------------------------------------------------------------------

/// Does work in parts, one for each `work_atom`, so that others have their turns.
using paced_actor = caf::typed_actor<caf::reacts_to<work_atom>>;

/// The PACER, on the I/O thread: sends a `work_atom` on to a broker once its sockets have had their turn.
using pacer_actor = caf::typed_actor<caf::reacts_to<work_atom>>;

/// The HTTP FRONT, on the I/O thread: the server and the modules of its API.
using http_front_actor = caf::io::accept_handler::extend_with<caf::io::connection_handler>::
  extend_with<revocation_sink_actor>::extend_with<metrics_source_actor>::extend_with<paced_actor>::extend<
    // How much of a connection's write buffer the kernel took.
    caf::reacts_to<caf::io::data_transferred_msg>,
    // The schema is current: serve.
    caf::reacts_to<start_serving>,
    // The service is about to stop: not ready any more, but everything is served.
    caf::reacts_to<announce_stop>,
    // Accept no more, finish what has begun; the reply comes when no connection is left.
    caf::replies_to<drain_connections>::with<applied>,
    // Deadlines, heartbeats, the date.
    caf::reacts_to<tick_atom>,
    // A timer of a module has run out.
    caf::reacts_to<step_atom>,
    // The sockets that were ready have had their turn: what was collected goes out.
    caf::reacts_to<collect_atom>>;

/// The SUPERVISOR: spawns the others in order, and stops them in order.
using supervisor_actor = caf::typed_actor<
  // The migrator has finished: the schema is current, or cannot be made so.
  caf::reacts_to<migrations_finished>,
  // Everybody's numbers, for an exporter.
  caf::replies_to<read_numbers>::with<all_numbers>,
  // The time between the announcement of the stop and the drain is over.
  caf::reacts_to<step_atom>,
  // Drain, bounded, and end everything; the reply comes last.
  caf::replies_to<stop_service>::with<all_numbers>>;

} // namespace portcullis
