#include "db/advisory_locks.hpp"
#include "db/audit_sql.hpp"
#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace portcullis::db {

namespace {

const statement reap{
  "reap_guests",
  sql::join(
    {"select r.is_leader, r.reaped, r.has_more, r.reached_created_at, r.reached_account_id from unnest(",
     sql::origin_arrays(11), ") as q(", sql::origin_columns,
     ") cross join lateral reap_guests($1::text::timestamptz, $2::text::timestamptz, $3::uuid, $4::bigint,"
     " $5::text::boolean, $6::bigint, $7::bigint, $8::text, $9::text, $10::text, o_reason, o_actor, o_caller,"
     " o_user, o_request, o_trace, o_address::inet) r"}),
  true};

const statement delete_dead{"delete_dead_sessions",
                            "select is_leader, deleted, has_more, reached_ended_at, reached_session_id"
                            " from delete_dead_sessions($1::text::timestamptz, $2::text::timestamptz, $3::uuid,"
                            " $4::bigint, $5::bigint)"};

const statement delete_generations{"delete_dead_generations",
                                   "select is_leader, deleted, has_more, reached_ended_at, reached_account_id"
                                   " from delete_dead_generations($1::text::timestamptz, $2::text::timestamptz,"
                                   " $3::uuid, $4::bigint, $5::bigint)"};

const statement delete_expired{
  "delete_expired_sessions",
  "select is_leader, deleted, has_more, reached_created_at, reached_session_id,"
  " left_created_at from delete_expired_sessions($1::text::timestamptz, $5::text::boolean,"
  " $2::text::timestamptz, $3::uuid, $4::bigint, $6::bigint)"};

// A prefix of the log, up to the first event that is young enough to stay; cursors below it are too old from
// this commit on. Canaries that a killed process left go as well: the next canary removes them, and there may be
// none.
const statement prune{
  "prune_events",
  "with leader as materialized (select pg_try_advisory_xact_lock($3::bigint) as is_leader),"
  " oldest as materialized (select e.seq, e.occurred_at from leader l cross join lateral (select seq, occurred_at"
  " from revocation_events where l.is_leader order by seq limit $2::bigint) e),"
  " stays as (select min(seq) as seq from oldest where occurred_at >= $1::text::timestamptz),"
  " gone as (delete from revocation_events e using oldest o, stays s where e.seq = o.seq"
  " and (s.seq is null or o.seq < s.seq) returning e.seq),"
  " moved as (update feed_state f set pruned_through = greatest(f.pruned_through, g.seq)"
  " from (select max(seq) as seq from gone) g where g.seq is not null),"
  " canaries_left as (delete from canaries c using leader l"
  " where l.is_leader and c.minted_at < clock_timestamp() - interval '1 minute')"
  " select (select is_leader from leader), (select count(*) from gone),"
  " (select count(*) from gone) >= $2::bigint, null::timestamptz, null::uuid"};

const statement prune_entries{
  "prune_audit",
  "with leader as materialized (select pg_try_advisory_xact_lock($3::bigint) as is_leader),"
  " oldest as materialized (select e.event_id from leader l cross join lateral (select event_id from audit_events"
  " where l.is_leader and event_id < $1::uuid order by event_id limit $2::bigint) e),"
  " gone as (delete from audit_events where event_id = any (array(select event_id from oldest)) returning "
  "event_id)"
  " select (select is_leader from leader), (select count(*) from gone),"
  " (select count(*) from gone) >= $2::bigint, null::timestamptz, null::uuid"};

/// cut-off, position, limit.
parameters batch_after(timestamp cutoff, const sweep_position& after, std::size_t limit) {
  parameters p;
  p.add(to_rfc3339(cutoff)).add(to_rfc3339(after.time)).add(after.id).add(static_cast<std::int64_t>(limit));
  return p;
}

call compose_one(const reap_guests& op) {
  auto p = batch_after(op.created_before, op.after, op.limit);
  p.add(op.dry_run ? "true" : "false").add(reaper_lock).add(revocation_log_lock);
  p.add(op.cause.reason).add(op.cause.actor).add(to_string(audit_action::account_reaped));
  add_origins(p, group<reap_guests>{&op});
  return {&reap, std::move(p)};
}

call compose_one(const delete_dead_sessions& op) {
  auto p = batch_after(op.ended_before, op.after, op.limit);
  p.add(reaper_lock);
  return {&delete_dead, std::move(p)};
}

call compose_one(const delete_dead_generations& op) {
  auto p = batch_after(op.ended_before, op.after, op.limit);
  p.add(reaper_lock);
  return {&delete_generations, std::move(p)};
}

call compose_one(const delete_expired_sessions& op) {
  auto p = batch_after(op.created_before, op.after, op.limit);
  p.add(op.of_guests ? "true" : "false").add(reaper_lock);
  return {&delete_expired, std::move(p)};
}

call compose_one(const prune_events& op) {
  parameters p;
  p.add(to_rfc3339(op.occurred_before)).add(static_cast<std::int64_t>(op.limit)).add(reaper_lock);
  return {&prune, std::move(p)};
}

call compose_one(const prune_audit& op) {
  parameters p;
  p.add(first_audit_id(op.occurred_before)).add(static_cast<std::int64_t>(op.limit)).add(reaper_lock);
  return {&prune_entries, std::move(p)};
}

swept read_swept(row& from) {
  swept out;
  out.is_leader = from.next<bool>();
  out.rows = static_cast<std::size_t>(from.next<std::int64_t>());
  out.has_more = from.next<bool>();
  out.reached.time = from.next<std::optional<timestamp>>().value_or(timestamp{});
  out.reached.id = from.next<std::optional<uuid>>().value_or(uuid{});
  return out;
}

template <class Op>
transaction compose_each(const group<Op>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

template <class Op>
maybe_outcomes read_each(std::vector<result_set>& results, const group<Op>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto from = results[i][0];
    out.push_back(outcome{read_swept(from)});
  }
  return out;
}

} // namespace

transaction build_statements(const group<reap_guests>& ops) {
  return compose_each(ops);
}

transaction build_statements(const group<delete_dead_sessions>& ops) {
  return compose_each(ops);
}

transaction build_statements(const group<delete_dead_generations>& ops) {
  return compose_each(ops);
}

transaction build_statements(const group<delete_expired_sessions>& ops) {
  return compose_each(ops);
}

transaction build_statements(const group<prune_events>& ops) {
  return compose_each(ops);
}

transaction build_statements(const group<prune_audit>& ops) {
  return compose_each(ops);
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<reap_guests>& ops) {
  return read_each(results, ops);
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_dead_sessions>& ops) {
  return read_each(results, ops);
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_dead_generations>& ops) {
  return read_each(results, ops);
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_expired_sessions>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto from = results[i][0];
    auto one = read_swept(from);
    one.left = from.next<std::optional<timestamp>>();
    out.push_back(outcome{one});
  }
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<prune_events>& ops) {
  return read_each(results, ops);
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<prune_audit>& ops) {
  return read_each(results, ops);
}

} // namespace portcullis::db
