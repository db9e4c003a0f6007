#include "db/advisory_locks.hpp"
#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace portcullis::db {

namespace {

/// Ids are made by the services' clocks and `created_at` by the database's; they differ by less than this.
constexpr std::chrono::hours clock_skew_max{24};

const statement count_guests{"count_abandoned_guests",
                             "select true, count(*), false, null::timestamptz, null::uuid from accounts a"
                             " where a.is_guest and a.created_at < $1::text::timestamptz"
                             " and not exists (select from game_players p where p.account_id = a.account_id)"};

const statement reap{"reap_guests",
                     "select is_leader, reaped, has_more, reached_created_at, reached_account_id"
                     " from reap_guests($1::text::timestamptz, $2::text::timestamptz, $3::uuid, $4::bigint,"
                     " $5::bigint, $6::bigint, $7::text, $8::text)",
                     true};

// Walked by the primary key, each row once a sweep, up to the first id that is too young to have ended so long
// ago: revoked_at has no index, so that ending a session can be a heap-only update. A generation died when its
// account was last changed, or before.
const statement delete_dead{
  "delete_dead_sessions",
  "with leader as materialized (select pg_try_advisory_xact_lock($5::bigint) as is_leader),"
  " walked as materialized (select s.session_id from leader l cross join lateral (select session_id from sessions"
  " where l.is_leader and session_id > $1::uuid and session_id < $2::uuid order by session_id limit $4::bigint) "
  "s),"
  " dead as (select s.session_id from walked w join sessions s using (session_id)"
  " join accounts a on a.account_id = s.account_id"
  " where s.revoked_at < $3::text::timestamptz"
  " or (s.generation < a.session_generation and a.updated_at < $3::text::timestamptz)"
  " order by s.session_id for update of s skip locked),"
  " gone as (delete from sessions s using dead d where s.session_id = d.session_id returning s.session_id)"
  " select (select is_leader from leader), (select count(*) from gone),"
  " (select count(*) from walked) >= $4::bigint,"
  " (select session_id from walked order by session_id desc limit 1)"};

// A prefix of the log, up to the first event that is young enough to stay; cursors below it are too old from
// this commit on.
const statement prune{
  "prune_events",
  "with leader as materialized (select pg_try_advisory_xact_lock($3::bigint) as is_leader),"
  " oldest as materialized (select e.seq, e.occurred_at from leader l cross join lateral (select seq, occurred_at"
  " from revocation_events where l.is_leader order by seq limit $2::bigint) e),"
  " stays as (select min(seq) as seq from oldest where occurred_at >= $1::text::timestamptz),"
  " gone as (delete from revocation_events e using oldest o, stays s where e.seq = o.seq"
  " and (s.seq is null or o.seq < s.seq) returning e.seq),"
  " moved as (update feed_state f set pruned_through = greatest(f.pruned_through, g.seq)"
  " from (select max(seq) as seq from gone) g where g.seq is not null)"
  " select (select is_leader from leader), (select count(*) from gone),"
  " (select count(*) from gone) >= $2::bigint"};

/// The least id that a session made at `t` can have (RFC 9562, section 5.7: 48 bits of milliseconds come first).
uuid least_id_at(timestamp t) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
  uuid out;
  for (int i = 5; i >= 0; --i, ms >>= 8)
    out.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(ms & 0xFF);
  return out;
}

std::int64_t limit_of(std::size_t rows) {
  return static_cast<std::int64_t>(rows);
}

call compose_one(const reap_guests& op) {
  parameters p;
  p.add(to_rfc3339(op.created_before));
  if (op.dry_run)
    return {&count_guests, std::move(p)};
  p.add(to_rfc3339(op.after.created_at)).add(op.after.account_id).add(limit_of(op.limit));
  p.add(reaper_lock).add(revocation_log_lock).add(op.cause.reason).add(op.cause.actor);
  return {&reap, std::move(p)};
}

call compose_one(const delete_dead_sessions& op) {
  parameters p;
  p.add(op.after).add(least_id_at(op.ended_before + clock_skew_max)).add(to_rfc3339(op.ended_before));
  p.add(limit_of(op.limit)).add(reaper_lock);
  return {&delete_dead, std::move(p)};
}

call compose_one(const prune_events& op) {
  parameters p;
  p.add(to_rfc3339(op.occurred_before)).add(limit_of(op.limit)).add(reaper_lock);
  return {&prune, std::move(p)};
}

void read(row& from, reap_guests::result& to) {
  to.is_leader = from.next<bool>();
  to.guests = static_cast<std::size_t>(from.next<std::int64_t>());
  to.has_more = from.next<bool>();
  to.reached.created_at = from.next<std::optional<timestamp>>().value_or(timestamp{});
  to.reached.account_id = from.next<std::optional<uuid>>().value_or(uuid{});
}

void read(row& from, delete_dead_sessions::result& to) {
  to.is_leader = from.next<bool>();
  to.deleted = static_cast<std::size_t>(from.next<std::int64_t>());
  to.has_more = from.next<bool>();
  to.reached = from.next<std::optional<uuid>>().value_or(uuid{});
}

void read(row& from, prune_events::result& to) {
  to.is_leader = from.next<bool>();
  to.deleted = static_cast<std::size_t>(from.next<std::int64_t>());
  to.has_more = from.next<bool>();
}

template <class Op>
transaction compose_each(const group<Op>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

template <class Op>
verdicts read_each(std::vector<result_set>& results, const group<Op>& ops) {
  verdicts out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    typename Op::result one;
    auto answer = results[i][0];
    read(answer, one);
    out.push_back(outcome{one});
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

transaction build_statements(const group<prune_events>& ops) {
  return compose_each(ops);
}

verdicts decode_results(std::vector<result_set>& results, const group<reap_guests>& ops) {
  return read_each(results, ops);
}

verdicts decode_results(std::vector<result_set>& results, const group<delete_dead_sessions>& ops) {
  return read_each(results, ops);
}

verdicts decode_results(std::vector<result_set>& results, const group<prune_events>& ops) {
  return read_each(results, ops);
}

} // namespace portcullis::db
