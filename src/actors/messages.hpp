#pragma once

#include "core/error.hpp"
#include "core/model.hpp"
#include "core/operations.hpp"
#include "core/time.hpp"
#include "core/told_clock.hpp"
#include "telemetry/metrics.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Every message that actors exchange, but for the database operations, which are messages as they stand
/// in core/operations.hpp. None ever leaves the process, so none is serializable, and none can be printed:
/// CAF shows them as `<unprintable>`, which keeps tokens and hashes out of every trace.
namespace portcullis {

// -- the session cache -------------------------------------------------------------------------------------

/// Asks what memory knows of these tokens: the look-ups that one read of a connection brought, or in a crowd all
/// sockets that were ready.
struct peek_sessions {
  struct lookup {
    std::uint64_t exchange = 0; // comes back with the answer
    token_hash hash;
    /// Where the caller needs a read that began after this, memory tells only what is final. It comes back, too.
    instant read_after = instant::min();
    // Whose request it is. They come back with the answer and mean something to the asker only.
    std::int64_t connection = -1;
    std::uint64_t generation = 0;
    std::uint8_t purpose = 0;
  };
  std::vector<lookup> lookups;
};

/// One answer per look-up, in order, at once.
struct peeked_sessions {
  enum class knowledge : std::uint8_t {
    active,    // `record` is the session's
    revoked,   // known to be dead
    expired,   // as old as it may grow
    unknown,   // known never to have been minted
    must_load, // memory cannot tell: ask with `load_session`
  };
  struct answer {
    std::uint64_t exchange = 0;
    token_hash hash;
    knowledge known = knowledge::must_load;
    bool was_held = false; // of `must_load`: memory holds it, but may not tell
    session_record record;
    instant read_after = instant::min();
    std::int64_t connection = -1;
    std::uint64_t generation = 0;
    std::uint8_t purpose = 0;
  };
  std::vector<answer> answers;
};

/// Asks for one token's session, from PostgreSQL if need be, by a read that began after `read_after`: it sees
/// whatever was committed until then. `at_least` goes to where the session is loaded from.
struct load_session {
  token_hash hash;
  instant read_after = instant::min();
  std::optional<cursor> at_least = std::nullopt;
  trace_point asked_by{};
};

/// What `load_session` found. Never `unknown` for want of an answer: that is an error.
struct resolution {
  session_status status = session_status::unknown;
  session_record record; // set when the status is `active`
};

/// Asks what memory knows of a session by its id.
struct recall_session {
  uuid session_id;
};
struct recalled_session {
  peeked_sessions::knowledge known = peeked_sessions::knowledge::must_load;
  uuid account_id; // of one that is active
};

/// A session was minted and committed; `began` is an instant before its transaction began.
struct session_minted {
  token_hash hash;
  session_record record;
  instant began{};
  std::vector<uuid> superseded{}; // sessions that it ended; dead before the new one lives
};

/// A committed revocation of this replica, to be applied before it is acknowledged.
struct session_revoked {
  uuid session_id;
};
struct account_revoked {
  uuid account_id;
};

/// It is done.
struct applied {};

/// A part of the warm-up: sessions that were active in a snapshot taken after `began`.
struct warm_sessions {
  std::vector<warm_session> entries;
  instant began{};
};

// -- the revocation log ------------------------------------------------------------------------------------

/// A successful read of the revocation log: all that was committed up to `position`, as of `read_began`.
/// Sent for empty reads too, since it renews the lease on memory (rule 3).
struct log_progress {
  instant read_began{};
  cursor position;
  std::vector<revocation_event> events; // in log order, following what was sent before
  std::optional<clock_reading> clock{}; // what the database's clock showed
};

/// The log does not continue what was sent before: forget everything learned from it. Events after `position`
/// follow.
struct epoch_changed {
  cursor position;
  std::string reason;
  instant noticed{}; // when the position was known: older reads may lack what comes before it in the log
};

/// The warm-up is over; memory holds every session that was active.
struct cache_warmed {
  std::size_t sessions = 0;
};

// -- sessions ----------------------------------------------------------------------------------------------

/// Whose session to mint.
struct guest_holder {};
struct identity_holder {
  identity_key key;
  std::optional<std::string> display_name; // for a new account
};
using session_holder = std::variant<uuid, identity_holder, guest_holder>;

struct mint_request {
  session_holder holder;
  portcullis::device device;
  audit_origin origin{};
};

/// No other message holds a token, but for `link_reply`. It is shown to the client once and kept nowhere.
struct mint_reply {
  portcullis::token token;
  portcullis::session session;
  portcullis::account account;
  bool account_created = false;
  std::optional<cursor> position{}; // of the end of others, if it ended any
};

// -- accounts ----------------------------------------------------------------------------------------------

struct find_or_create_request {
  identity_key key;
  std::optional<std::string> display_name;
  audit_origin origin{};
};

struct create_guest_request {
  audit_origin origin{};
};

/// Links an identity; with `rotate`, replaces the session of that token.
struct link_request {
  uuid account_id;
  identity_key key;
  std::optional<token_hash> rotate;
  portcullis::device device; // of the new session
  store::revocation_cause cause;
  audit_origin origin{};
};

/// Holds a token as `mint_reply` does.
struct link_reply {
  portcullis::account account;
  bool was_linked = false;
  std::optional<portcullis::token> token; // with a rotation
  std::optional<portcullis::session> session;
  cursor position; // at or after every event that this wrote
};

// -- the database pool -------------------------------------------------------------------------------------

/// Work for one worker: run in one round trip, by `deadline`.
struct db_batch {
  std::uint64_t id = 0;
  std::vector<store::operation> operations;
  instant deadline{};
  bool by_contention = false; // operations that are known to be blocked: each keeps its locks' wait to itself
};

/// Outcomes of a batch that are known while others are not yet: a caller does not wait for its neighbours.
struct db_outcomes {
  std::uint64_t id = 0;                 // of the batch
  std::vector<std::size_t> indexes;     // in the batch
  std::vector<store::outcome> outcomes; // one for each of `indexes`
};

struct db_batch_result {
  std::uint64_t id = 0;
  std::vector<store::outcome> outcomes; // one per operation; of no meaning where `db_outcomes` told it before
  std::vector<std::size_t> lost;        // indexes whose outcome is not known
  std::vector<std::size_t> blocked;     // indexes that were not done because somebody holds a lock that they need
  bool connected = false;               // whether the worker has a usable connection now
  bool was_sent = true;                 // false: there was no connection, and nothing reached the server
  instant opened_at = instant::max();   // the connection that it was sent on
  std::string error;                    // for the log, when it has not
  bool is_full = false;                 // the server has no connection left to give
};

/// Asks a worker to connect if it is not connected, or to replace a connection past its life time.
struct db_connect {
  instant deadline{};
};

struct db_connect_result {
  bool connected = false;
  std::string error;    // for the log
  bool is_full = false; // the server has no connection left to give
};

/// To the pool: who cannot do without a connection finds that the server has none left.
struct yield_connection {};

// -- the edge ----------------------------------------------------------------------------------------------

/// To the service loader: what the session service said of a batch of tokens, or why it said nothing.
struct lookup_answered {
  std::uint64_t batch = 0;
  std::vector<store::find_session::result> results; // in the order asked
  failure error;
};

// -- life cycle and numbers --------------------------------------------------------------------------------

/// To the front: the schema is current.
struct start_serving {};

/// To the front: the service is about to stop. Everything is still served, but /readyz says so, and each answer is
/// the last of its connection.
struct announce_stop {};

/// To the front: finish what has begun within `grace`, end the rest.
struct drain_connections {
  std::chrono::nanoseconds grace{0};
};

/// To the supervisor: the schema is current, or (`error` is set) cannot be made so.
struct migrations_finished {
  failure error;
};

/// To the supervisor. The answer comes when everything has ended, with the numbers of just before.
struct stop_service {};

/// Asks for numbers as /metrics shows them.
struct read_numbers {};
struct all_numbers {
  metrics::snapshot snapshot;
};

struct read_cache_stats {};
struct cache_stats {
  std::size_t entries = 0;
  std::size_t active = 0;
  std::size_t bytes = 0;
  std::size_t unknown_entries = 0;
  std::size_t loads_in_flight = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t read_throughs = 0; // looked up in PostgreSQL although held, for the lease was out
  std::uint64_t loads_dropped = 0; // loads that a revocation overtook
  std::uint64_t evictions = 0;
  std::uint64_t loads = 0;         // begun
  std::uint64_t loads_shared = 0;  // look-ups that joined one
  std::uint64_t loads_refused = 0; // look-ups turned away at the bound
  double lease_remaining_s = 0;    // how long memory may be answered from without another read of the log
  double lease_age_s = 0;          // since the last successful read of the log began; negative: never
};

struct read_pool_stats {};
struct pool_stats {
  std::size_t workers = 0;
  std::size_t connected = 0;
  std::size_t busy = 0;
  std::size_t queued = 0;
  std::uint64_t operations = 0;
  std::uint64_t batches = 0;
  std::uint64_t refused = 0; // turned away at the queue's bound or while the database was away
  std::uint64_t expired = 0; // not answered within the operation time-out
  std::uint64_t retried = 0; // run again after a lost connection
  std::uint64_t blocked = 0; // put aside because somebody held a lock that they need
};

// -- the reaper --------------------------------------------------------------------------------------------

/// Asks for a sweep now, or for a count of what one would reap.
struct run_reaper {
  bool dry_run = false;
  audit_origin origin{};
};

/// A sweep, over or going on.
struct reaper_run {
  timestamp started_at{};
  std::chrono::nanoseconds took{0};
  std::size_t guests = 0;   // reaped
  std::size_t sessions = 0; // dead rows removed
  std::size_t events = 0;   // old events removed
  std::size_t audit = 0;    // old entries of the audit removed
  bool dry_run = false;     // `guests` were counted, nothing was removed
  bool is_leader = true;    // false: another replica was sweeping, and this one ended
  errc error = errc::none;  // why it stopped early
};

struct read_reaper_status {};
struct reaper_status {
  bool is_running = false;
  std::optional<reaper_run> current; // so far
  std::optional<reaper_run> last;
  timestamp next_at{};
};

// -- bulk revocation ---------------------------------------------------------------------------------------

struct count_bulk_revocation {
  session_selector selects;
};

struct order_bulk_revocation {
  session_selector selects;
  store::revocation_cause cause;
  audit_origin origin{};
};

// -- errors ------------------------------------------------------------------------------------------------

/// An error for a response promise.
caf::error to_caf(failure what);

/// Back from there. An error that is not ours (an actor that died, a bounced request) becomes `internal`.
failure to_failure(const caf::error& err);

} // namespace portcullis

CAF_ERROR_CODE_ENUM(portcullis::errc, "portcullis")

// clang-format off
#define PORTCULLIS_FOR_EACH_MESSAGE(X) \
  X(portcullis::account) \
  X(portcullis::account_revoked) \
  X(portcullis::all_numbers) \
  X(portcullis::announce_stop) \
  X(portcullis::applied) \
  X(portcullis::cache_stats) \
  X(portcullis::cache_warmed) \
  X(portcullis::count_bulk_revocation) \
  X(portcullis::create_guest_request) \
  X(portcullis::db_batch) \
  X(portcullis::db_batch_result) \
  X(portcullis::db_connect) \
  X(portcullis::db_connect_result) \
  X(portcullis::db_outcomes) \
  X(portcullis::drain_connections) \
  X(portcullis::find_or_create_request) \
  X(portcullis::epoch_changed) \
  X(portcullis::link_reply) \
  X(portcullis::link_request) \
  X(portcullis::load_session) \
  X(portcullis::log_progress) \
  X(portcullis::lookup_answered) \
  X(portcullis::migrations_finished) \
  X(portcullis::mint_reply) \
  X(portcullis::mint_request) \
  X(portcullis::order_bulk_revocation) \
  X(portcullis::peek_sessions) \
  X(portcullis::peeked_sessions) \
  X(portcullis::pool_stats) \
  X(portcullis::read_cache_stats) \
  X(portcullis::read_numbers) \
  X(portcullis::read_pool_stats) \
  X(portcullis::read_reaper_status) \
  X(portcullis::reaper_run) \
  X(portcullis::reaper_status) \
  X(portcullis::recall_session) \
  X(portcullis::recalled_session) \
  X(portcullis::resolution) \
  X(portcullis::revocation_counts) \
  X(portcullis::revocation_job) \
  X(portcullis::run_reaper) \
  X(portcullis::session) \
  X(portcullis::session_minted) \
  X(portcullis::session_revoked) \
  X(portcullis::start_serving) \
  X(portcullis::stop_service) \
  X(portcullis::warm_sessions) \
  X(portcullis::yield_connection) \
  X(portcullis::store::canary_step) \
  X(portcullis::store::canary_step::result) \
  X(portcullis::store::count_all) \
  X(portcullis::store::count_all::result) \
  X(portcullis::store::count_selected) \
  X(portcullis::store::count_selected::result) \
  X(portcullis::store::create_guest) \
  X(portcullis::store::create_revocation_job) \
  X(portcullis::store::delete_account) \
  X(portcullis::store::delete_account::result) \
  X(portcullis::store::delete_dead_generations) \
  X(portcullis::store::delete_dead_sessions) \
  X(portcullis::store::delete_expired_sessions) \
  X(portcullis::store::find_account) \
  X(portcullis::store::find_or_create_account) \
  X(portcullis::store::find_or_create_account::result) \
  X(portcullis::store::find_session) \
  X(portcullis::store::find_session::result) \
  X(portcullis::store::get_account) \
  X(portcullis::store::get_revocation_job) \
  X(portcullis::store::get_session) \
  X(portcullis::store::link_identity) \
  X(portcullis::store::link_identity::result) \
  X(portcullis::store::list_accounts) \
  X(portcullis::store::list_accounts::result) \
  X(portcullis::store::list_audit) \
  X(portcullis::store::list_audit::result) \
  X(portcullis::store::list_sessions) \
  X(portcullis::store::list_sessions::result) \
  X(portcullis::store::mint_for_identity) \
  X(portcullis::store::mint_guest) \
  X(portcullis::store::mint_session) \
  X(portcullis::store::minted) \
  X(portcullis::store::ping) \
  X(portcullis::store::ping::result) \
  X(portcullis::store::prune_audit) \
  X(portcullis::store::prune_events) \
  X(portcullis::store::read_clock) \
  X(portcullis::store::read_clock::result) \
  X(portcullis::store::read_events) \
  X(portcullis::store::read_events::result) \
  X(portcullis::store::reap_guests) \
  X(portcullis::store::record_audit) \
  X(portcullis::store::record_audit::result) \
  X(portcullis::store::revoke_account) \
  X(portcullis::store::revoke_account::result) \
  X(portcullis::store::revoke_session) \
  X(portcullis::store::revoke_session::result) \
  X(portcullis::store::seat_player) \
  X(portcullis::store::seat_player::result) \
  X(portcullis::store::set_display_name) \
  X(portcullis::store::swept) \
  X(portcullis::store::unlink_identity) \
  X(portcullis::store::unseat_game) \
  X(portcullis::store::unseat_game::result) \
  X(portcullis::store::unseat_player) \
  X(portcullis::store::unseat_player::result) \
  X(portcullis::store::work_on_revocation_jobs) \
  X(portcullis::store::work_on_revocation_jobs::result)
// clang-format on

#define PORTCULLIS_ADD_TYPE_ID(type) CAF_ADD_TYPE_ID(portcullis, (type))
#define PORTCULLIS_ALLOW_UNSAFE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

CAF_BEGIN_TYPE_ID_BLOCK(portcullis, first_custom_type_id)
PORTCULLIS_FOR_EACH_MESSAGE(PORTCULLIS_ADD_TYPE_ID)
CAF_ADD_ATOM(portcullis, portcullis, tick_atom, "tick")
CAF_ADD_ATOM(portcullis, portcullis, step_atom, "step")
CAF_ADD_ATOM(portcullis, portcullis, work_atom, "work")
CAF_ADD_ATOM(portcullis, portcullis, collect_atom, "collect")
CAF_END_TYPE_ID_BLOCK(portcullis)

PORTCULLIS_FOR_EACH_MESSAGE(PORTCULLIS_ALLOW_UNSAFE)

#undef PORTCULLIS_ADD_TYPE_ID
#undef PORTCULLIS_ALLOW_UNSAFE
#undef PORTCULLIS_FOR_EACH_MESSAGE
