#include "core/failpoint.hpp"
#include "db/audit_sql.hpp"
#include "db/model_rows.hpp"
#include "db/revocation_sql.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

namespace portcullis::db {

namespace {

using sql::insert_events;
using sql::log_lock;
using sql::returning_events;

// The events by which operations find what a run of theirs did whose outcome was lost: of those in `from`, which
// have an operation_id. By index and one at a time, whatever the planner thinks of the size of the log.
std::string events_of(std::string_view from) {
  return sql::join({from,
                    " cross join lateral (select e.seq, e.session_id, e.account_id, e.generation,"
                    " e.sessions_ended from revocation_events e where e.operation_id = ",
                    from, ".operation_id limit ", !fails(failpoint::idempotent_retry) ? "1" : "0", ") e"});
}

// -- one session -------------------------------------------------------------------------------------------

constexpr std::string_view is_target = "(s.session_id = q.session_id or s.token_hash = q.token_hash)";

// The accounts are locked with their sessions, in a statement of its own: until the commit nothing can change what
// "active" means, and the next statement sees it by a snapshot of its own. One snapshot for both would compare a
// session that `keep` has moved to a new generation meanwhile with its account as it was before, and leave it
// alive. The session's lock alone would let revoke_account count a session that is being ended here as one that it
// ended.
const statement lock_sessions{"revoke_session_lock",
                              "select from sessions s join accounts a using (account_id)"
                              " where s.session_id = any($1::uuid[]) or s.token_hash = any($2::bytea[])"
                              " order by a.account_id, s.session_id for key share of a for no key update of s"};

// A row for each operation that has found its session, in this order: it has ended it; a run before has, after
// which the session may even have gone; it had ended already. The last are told the end of the log, which is at or
// after the event that ended theirs: that was committed before the lock was had.
const statement end_sessions{
  "revoke_session",
  sql::join({"with found as materialized (select s.session_id as found_id, s.account_id as found_account,"
             " q.operation_id, q.reason, q.actor, ",
             sql::origin_columns,
             ", q.n from unnest($1::uuid[], $2::bytea[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], ",
             sql::origin_arrays(7),
             ") with ordinality as q(session_id, token_hash, owner_id, operation_id, reason, actor, ",
             sql::origin_columns,
             ", n) join sessions s on ",
             is_target,
             " where (q.owner_id is null or q.owner_id = s.account_id)),"
             " asked as (select distinct on (found_id) found_id, operation_id, reason, actor, ",
             sql::origin_columns,
             " from found order by found_id, n),"
             " gone as (update sessions s set revoked_at = clock_timestamp(), revoke_reason = asked.reason"
             " from asked, accounts a where s.session_id = asked.found_id and a.account_id = s.account_id and ",
             sql::is_active,
             " returning s.session_id, s.account_id, s.generation, asked.*), audited as (",
             sql::insert_audit(audit_action::session_revoked, {"gone.account_id", "gone.session_id"}, "gone"),
             sql::before_log_lock("gone"),
             log_lock(),
             insert_events,
             "'session', d.session_id, d.account_id, d.generation, d.reason, d.actor, d.operation_id, null",
             returning_events,
             ", idle as materialized (select operation_id from unnest($4::uuid[]) as q(operation_id)"
             " where operation_id not in (select operation_id from ended)),"
             " feed as materialized (select feed_epoch() as epoch)"
             " select l.operation_id, true, l.session_id, l.account_id, feed.epoch, l.seq"
             " from logged l cross join feed"
             " union all select idle.operation_id, true, e.session_id, e.account_id, feed.epoch, e.seq from ",
             events_of("idle"),
             " cross join feed"
             " union all select operation_id, false, found_id, found_account, feed.epoch, (select feed_end())"
             " from found join idle using (operation_id) cross join feed"}),
  true};

// -- all of an account -------------------------------------------------------------------------------------

const statement lock_accounts{
  "revoke_account_lock", "select from accounts where account_id = any($1::uuid[]) order by account_id for update"};

// What was done already is left out, so that a session minted since is not ended by a second run. The count is
// kept with the event: nobody could find it again when the sessions or the account are gone.
const statement raise_generations{
  "revoke_account",
  sql::join(
    {"with q as materialized (select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], ",
     sql::origin_arrays(6), ") with ordinality as q(account_id, operation_id, reason, actor, keep_id, ",
     sql::origin_columns,
     ", n)),"
     " done as materialized (select q.n, e.* from ",
     events_of("q"),
     "), asked as (select * from q where n not in (select n from done)),"
     " counted as (select q.account_id, count(s.session_id) as active from asked q"
     " join accounts a using (account_id) left join sessions s on s.account_id = a.account_id and ",
     sql::is_alive,
     " and s.session_id is distinct from q.keep_id group by q.account_id),"
     " raised as (update accounts a set session_generation = a.session_generation + 1,"
     " updated_at = clock_timestamp() from asked q where a.account_id = q.account_id"
     " returning a.account_id, a.session_generation as generation, q.n, q.operation_id, q.keep_id, q.reason,"
     " q.actor, ",
     sql::origin_columns,
     "),"
     " kept as (update sessions s set generation = r.generation from raised r"
     " where s.session_id = r.keep_id and s.account_id = r.account_id and s.generation = r.generation - 1"
     " and s.revoked_at is null returning s.session_id),"
     // The log_lock waits for `kept` too, which is counted here and nowhere else.
     " gone as (select r.*, c.active from raised r join counted c using (account_id)"
     " cross join (select count(*) from kept) k), audited as (",
     sql::insert_audit(audit_action::account_revoked, {"gone.account_id"}, "gone"), sql::before_log_lock("gone"),
     log_lock(), insert_events,
     "'account', null, d.account_id, d.generation, d.reason, d.actor, d.operation_id, d.active", returning_events,
     ", feed as materialized (select feed_epoch() as epoch)"
     " select d.n, d.active, d.generation, feed.epoch, l.seq from logged l join ended d using (account_id)"
     " cross join feed"
     " union all select done.n, done.sessions_ended, done.generation, feed.epoch, done.seq from done"
     " cross join feed"}),
  true};

// -- the account itself ------------------------------------------------------------------------------------

constexpr std::string_view is_not_seated =
  " not exists (select from game_players p where p.account_id = a.account_id) ";

// What would cascade goes before, in statements of its own, so that the delete that has the log_lock meets no row
// that somebody outside this service may have locked.
statement clear(const char* name, std::string_view table) {
  return {name, sql::join({"delete from ", table,
                           " t using accounts a where a.account_id = any($1::uuid[])"
                           " and t.account_id = a.account_id and",
                           is_not_seated})};
}

const statement clear_sessions = clear("delete_account_sessions", "sessions");
const statement clear_identities = clear("delete_account_identities", "identities");
const statement clear_stats = clear("delete_account_stats", "account_stats");

// A second run finds no account, but its event.
const statement delete_accounts{
  "delete_account",
  sql::join(
    {"with asked as materialized (select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], ",
     sql::origin_arrays(5),
     ") with ordinality as q(account_id, operation_id, reason, actor, ",
     sql::origin_columns,
     ", n)),"
     " seated as (select a.account_id from accounts a where a.account_id = any($1::uuid[]) and not",
     is_not_seated,
     "), gone as (delete from accounts a using asked q where a.account_id = q.account_id and",
     is_not_seated,
     " returning a.account_id, a.session_generation + 1 as generation, q.n, q.operation_id, q.reason, q.actor, ",
     sql::origin_columns,
     "), audited as (",
     sql::insert_audit(audit_action::account_deleted, {"gone.account_id"}, "gone"),
     sql::before_log_lock("gone"),
     log_lock(),
     insert_events,
     "'account', null, d.account_id, d.generation, d.reason, d.actor, d.operation_id, null",
     returning_events,
     ", idle as materialized (select n, operation_id from asked where n not in (select n from ended)),"
     " feed as materialized (select feed_epoch() as epoch)"
     " select d.n, d.generation, feed.epoch, l.seq from logged l join ended d using (account_id)"
     " cross join feed"
     " union all select idle.n, e.generation, feed.epoch, e.seq from ",
     events_of("idle"),
     " cross join feed"
     " union all select q.n, null, null, null from seated join asked q using (account_id)"}),
  true};

template <class Op>
void add_accounts(parameters& p, const group<Op>& ops) {
  p.add_each(ops, [](const Op* op) { return op->account_id; });
}

template <class Op>
void add_operations(parameters& p, const group<Op>& ops) {
  p.add_each(ops, [](const Op* op) { return op->operation_id; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->cause.reason; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->cause.actor; });
}

template <class T>
std::optional<T> target_as(const revoke_session& op) {
  const auto* target = std::get_if<T>(&op.target);
  return target != nullptr ? std::optional<T>{*target} : std::nullopt;
}

template <class Op>
call for_accounts(const statement& what, const group<Op>& ops) {
  parameters p;
  add_accounts(p, ops);
  return {&what, std::move(p)};
}

/// What operations on single sessions came to.
class revocations {
public:
  explicit revocations(result_set& rows) {
    for (int i = 0; i < rows.size(); ++i)
      take(rows[i]);
  }

  maybe_outcome of(const uuid& operation_id) const {
    if (auto ended = ended_.find(operation_id); ended != ended_.end())
      return ended->second;
    auto found = found_.find(operation_id);
    if (found == found_.end())
      return refusal(errc::session_not_found, no_such_session);
    auto out = found->second;
    // Ended by another operation beside this one: the log goes on with that one's event.
    if (auto end = ends_.find(out.session_id); end != ends_.end())
      out.position = end->second;
    return out;
  }

private:
  void take(row from) {
    auto operation_id = from.next<uuid>();
    revoke_session::result one;
    one.revoked = from.next<bool>();
    one.session_id = from.next<uuid>();
    one.account_id = from.next<uuid>();
    one.position = read_cursor(from);
    if (one.revoked)
      ends_.emplace(one.session_id, one.position);
    (one.revoked ? ended_ : found_).emplace(operation_id, one);
  }

  std::unordered_map<uuid, revoke_session::result> ended_; // by operation
  std::unordered_map<uuid, revoke_session::result> found_; // by operation
  std::unordered_map<uuid, cursor> ends_;                  // by session
};

} // namespace

transaction build_statements(const group<revoke_session>& ops) {
  parameters targets;
  targets.add_each(ops, [](const revoke_session* op) { return target_as<uuid>(*op); });
  targets.add_each(ops, [](const revoke_session* op) { return target_as<token_hash>(*op); });
  auto all = targets;
  all.add_each(ops, [](const revoke_session* op) { return op->owner; });
  add_operations(all, ops);
  add_origins(all, ops);
  return {{&lock_sessions, std::move(targets)}, {&end_sessions, std::move(all)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<revoke_session>& ops) {
  const revocations told{results[1]};
  maybe_outcomes out;
  for (const auto* op : ops)
    out.push_back(told.of(op->operation_id));
  return out;
}

transaction build_statements(const group<revoke_account>& ops) {
  parameters p;
  add_accounts(p, ops);
  add_operations(p, ops);
  p.add_each(ops, [](const revoke_account* op) { return op->keep; });
  add_origins(p, ops);
  return {for_accounts(lock_accounts, ops), {&raise_generations, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<revoke_account>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for_each_answer(results[1], ops.size(), [&](std::size_t i, row& raised) {
    revoke_account::result one;
    one.revoked = static_cast<std::size_t>(raised.next<std::int64_t>());
    one.generation = raised.next<std::int32_t>();
    one.position = read_cursor(raised);
    out[i] = one;
  });
  return out;
}

transaction build_statements(const group<delete_account>& ops) {
  parameters p;
  add_accounts(p, ops);
  add_operations(p, ops);
  add_origins(p, ops);
  return {for_accounts(lock_accounts, ops),
          for_accounts(clear_sessions, ops),
          for_accounts(clear_identities, ops),
          for_accounts(clear_stats, ops),
          {&delete_accounts, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_account>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for_each_answer(results[4], ops.size(), [&](std::size_t i, row& answer) {
    auto generation = answer.next<std::optional<std::int32_t>>();
    if (!generation) {
      out[i] = refusal(errc::account_seated, "a game holds the account");
      return;
    }
    delete_account::result one;
    one.generation = *generation;
    one.position = read_cursor(answer);
    out[i] = one;
  });
  return out;
}

} // namespace portcullis::db
