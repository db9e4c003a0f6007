#include "db/advisory_locks.hpp"
#include "db/audit_sql.hpp"
#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Bulk revocation. How it works stands in migrations/00012_revocation_jobs.sql.
namespace portcullis::db {

namespace {

constexpr std::int64_t unfinished_jobs_max = 100;

/// What a selector is as a row of PostgreSQL's type `session_selector`: its parameters begin at $1.
constexpr std::string_view selector =
  "row($1::text, $2::uuid[], ($3::text[])[1]::timestamptz, ($3::text[])[2]::timestamptz, nullif($4::text[], "
  "'{}')::inet[],"
  " ($3::text[])[3], ($3::text[])[4]::boolean, ($3::text[])[5])::session_selector";

constexpr std::string_view job_columns =
  "job_id, started_at is not null, finished_at is not null, reason, sessions_ended, accounts_ended, is_counted,"
  " sessions_found, accounts_found, last_epoch is not null, coalesce(last_epoch, 0), coalesce(last_seq, 0),"
  " accepted_at, started_at, finished_at";

const statement count_sessions{
  "count_selected",
  sql::join(
    {"select sessions, accounts, has_more, (reached).account_id, (reached).generation, (reached).session_id,"
     " last_account from count_selected(",
     selector, ", 'infinity', row($5::uuid, $6::bigint, $7::uuid)::session_place, ($8::uuid[])[1], $9::bigint)"})};

// Adding a job also deletes those that have been over for long.
const statement insert_job{
  "create_revocation_job",
  sql::join(
    {"with old as (delete from revocation_jobs where finished_at < now() - interval '30 days'),"
     " start as (select row(nil, 0, nil)::session_place as place"
     " from (select '00000000-0000-0000-0000-000000000000'::uuid as nil) n)"
     " insert into revocation_jobs (job_id, selects, reason, actor, reached, count_reached, caller, user_id,"
     " request_id, trace_id, address, audit_reason) select $5::uuid, ",
     selector,
     ", $6::text, $7::text, start.place, start.place, o_caller, o_user, o_request, o_trace, o_address::inet, "
     "o_reason"
     " from start cross join unnest(",
     sql::origin_arrays(9), ") as q(", sql::origin_columns,
     ")"
     " where (select count(*) from revocation_jobs where finished_at is null) < $8::bigint"
     " on conflict (job_id) do nothing"})};

const statement select_jobs{"get_revocation_job",
                            sql::join({"select q.n, ", job_columns,
                                       " from unnest($1::uuid[]) with ordinality as q(wanted, n)"
                                       " join revocation_jobs on job_id = q.wanted"})};

const statement work{"work_on_revocation_jobs",
                     "select is_leader, has_more, is_held_up, sessions, finished_job"
                     " from work_on_revocation_jobs($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint,"
                     " $6::text, $7::text)",
                     true};

/// The parts of a selector that may be null, as text.
struct selector_texts {
  std::string kind;
  std::vector<uuid> targets;
  std::array<std::optional<std::string>, 5> conditions; // before, after, user agent, guest, identity kind
  std::vector<std::string> networks;
};

struct describe_selector {
  selector_texts operator()(const every_session&) const {
    return {"all", {}, {}, {}};
  }
  selector_texts operator()(const sessions_of_accounts& which) const {
    return {"accounts", which.account_ids, {}, {}};
  }
  selector_texts operator()(const listed_sessions& which) const {
    return {"sessions", which.session_ids, {}, {}};
  }
  selector_texts operator()(const session_filter& which) const {
    selector_texts out{"filter", {}, {}, which.ip_in};
    auto& [before, after, user_agent, is_guest, kind] = out.conditions;
    if (which.created_before)
      before = to_rfc3339(*which.created_before);
    if (which.created_after)
      after = to_rfc3339(*which.created_after);
    if (!which.user_agent_contains.empty())
      user_agent = which.user_agent_contains;
    if (which.is_guest)
      is_guest = *which.is_guest ? "true" : "false";
    if (which.identity_kind)
      kind = to_string(*which.identity_kind);
    return out;
  }
};

/// $1 to $4.
parameters selector_parameters(const session_selector& selects) {
  const auto texts = std::visit(describe_selector{}, selects);
  parameters p;
  p.add(texts.kind);
  p.add_each(texts.targets, [](const uuid& id) { return id; });
  p.add_each(texts.conditions, [](const std::optional<std::string>& text) { return text; });
  p.add_each(texts.networks, [](const std::string& text) -> std::string_view { return text; });
  return p;
}

call compose_one(const count_selected& op) {
  auto p = selector_parameters(op.selects);
  p.add(op.after.account_id).add(static_cast<std::int64_t>(op.after.generation)).add(op.after.session_id);
  p.add_each(std::array{op.after.counted_account}, [](const std::optional<uuid>& id) { return id; });
  p.add(static_cast<std::int64_t>(op.limit));
  return {&count_sessions, std::move(p)};
}

revocation_counts read_counts(row& from) {
  revocation_counts out;
  out.sessions = static_cast<std::uint64_t>(from.next<std::int64_t>());
  out.accounts = static_cast<std::uint64_t>(from.next<std::int64_t>());
  return out;
}

outcome read_count(row from) {
  count_selected::result out;
  out.found = read_counts(from);
  out.has_more = from.next<bool>();
  out.reached.account_id = from.next<uuid>();
  out.reached.generation = from.next<std::int32_t>();
  out.reached.session_id = from.next<uuid>();
  out.reached.counted_account = from.next<std::optional<uuid>>();
  return out;
}

/// `job_columns`.
revocation_job read_job(row& from) {
  revocation_job out;
  out.job_id = from.next<uuid>();
  const auto is_started = from.next<bool>();
  const auto is_finished = from.next<bool>();
  out.state = is_finished ? job_state::done : is_started ? job_state::running : job_state::pending;
  out.reason = from.next<std::string>();
  out.done = read_counts(from);
  const auto is_counted = from.next<bool>();
  const auto found = read_counts(from);
  // An account may go on in the walk that ends before the count has come to its end: never less than is done.
  if (is_counted)
    out.total =
      revocation_counts{std::max(found.sessions, out.done.sessions), std::max(found.accounts, out.done.accounts)};
  const auto has_event = from.next<bool>();
  const auto position = read_cursor(from);
  if (has_event)
    out.position = position;
  out.accepted_at = from.next<timestamp>();
  out.started_at = from.next<std::optional<timestamp>>();
  out.finished_at = from.next<std::optional<timestamp>>();
  return out;
}

maybe_outcomes read_jobs(result_set& rows, std::size_t operations, const failure& if_missing) {
  maybe_outcomes out(operations, outcome{if_missing});
  for_each_answer(rows, operations, [&](std::size_t i, row& found) { out[i] = outcome{read_job(found)}; });
  return out;
}

template <class Op>
call select_each(const group<Op>& ops) {
  parameters p;
  p.add_each(ops, [](const Op* op) { return op->job_id; });
  return {&select_jobs, std::move(p)};
}

} // namespace

transaction build_statements(const group<count_selected>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<count_selected>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i)
    out.emplace_back(read_count(results[i][0]));
  return out;
}

transaction build_statements(const group<create_revocation_job>& ops) {
  transaction out;
  for (const auto* op : ops) {
    auto p = selector_parameters(op->selects);
    p.add(op->job_id).add(op->cause.reason).add(op->cause.actor).add(unfinished_jobs_max);
    add_origins(p, group<create_revocation_job>{op});
    out.push_back({&insert_job, std::move(p)});
  }
  out.push_back(select_each(ops));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<create_revocation_job>& ops) {
  return read_jobs(results.back(), ops.size(), {errc::overloaded, "too many bulk revocations are unfinished"});
}

transaction build_statements(const group<get_revocation_job>& ops) {
  return {select_each(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_revocation_job>& ops) {
  return read_jobs(results[0], ops.size(), {errc::job_not_found, "there is no such job"});
}

transaction build_statements(const group<work_on_revocation_jobs>& ops) {
  transaction out;
  for (const auto* op : ops) {
    parameters p;
    p.add(static_cast<std::int64_t>(op->page)).add(static_cast<std::int64_t>(op->count_page));
    p.add(static_cast<std::int64_t>(op->batch)).add(bulk_revocation_lock).add(revocation_log_lock);
    p.add(to_string(audit_action::session_revoked)).add(to_string(audit_action::account_revoked));
    out.push_back({&work, std::move(p)});
  }
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<work_on_revocation_jobs>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto from = results[i][0];
    work_on_revocation_jobs::result one;
    one.is_leader = from.next<bool>();
    one.has_more = from.next<bool>();
    one.is_held_up = from.next<bool>();
    one.sessions = static_cast<std::size_t>(from.next<std::int64_t>());
    one.finished_job = from.next<std::optional<uuid>>();
    out.emplace_back(outcome{one});
  }
  return out;
}

} // namespace portcullis::db
