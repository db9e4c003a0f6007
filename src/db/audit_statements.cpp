#include "db/audit_sql.hpp"
#include "db/done_operations.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

namespace portcullis::db {

namespace sql {

std::string origin_arrays(int first) {
  static constexpr std::string_view types[origin_array_count] = {"text", "text", "uuid", "text",
                                                                 "uuid", "text", "text"};
  std::string out;
  for (auto type : types)
    out += join({out.empty() ? "$" : ", $", std::to_string(first++), "::", type, "[]"});
  return out;
}

// The time, and with it the greater part of the ids, is computed once for a statement: see `audit_event_id`.
std::string insert_audit(std::string_view action, const audit_subject& subject, std::string_view source) {
  return join({" insert into audit_events (event_id, occurred_at, action, actor, account_id, session_id, game_id,"
               " caller, user_id, request_id, trace_id, address, reason)"
               " with clock as materialized (select c.at,"
               " left(replace(audit_event_id(c.at, 0)::text, '-', ''), 17) as id_begin"
               " from (select clock_timestamp() as at) c)"
               " select (clock.id_begin || lpad(to_hex(nextval('audit_events_seq')), 15, '0'))::uuid, clock.at, ",
               action, ", o_actor, ", subject.account_id, ", ", subject.session_id, ", ", subject.game_id,
               ", o_caller, o_user, o_request, o_trace, o_address::inet, o_reason from clock cross join ", source,
               " "});
}

std::string before_log_lock(std::string_view gone) {
  return join({" returning event_id), ended as (select g.* from ", gone,
               " g cross join (select count(*) from audited) entries),"});
}

std::string insert_audit(audit_action action, const audit_subject& subject, std::string_view source) {
  return insert_audit(join({"'", to_string(action), "'"}), subject, source);
}

} // namespace sql

namespace {

std::optional<std::string_view> said(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

std::optional<std::string> said_safely(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional{withhold_secrets(text)};
}

/// The column has the type uuid, which is just as long.
std::optional<uuid> trace_of(const audit_origin* origin) {
  const uuid id{origin->trace_id};
  return id.is_nil() ? std::nullopt : std::optional{id};
}

// -- entries of their own ----------------------------------------------------------------------------------

const statement record{
  "record_audit",
  sql::join({"with done as (select q.operation_id from unnest($1::uuid[]) as q(operation_id) where not ",
             sql::is_done("q.operation_id"), "), audited as (",
             sql::insert_audit("q.action", {"q.account_id"},
                               sql::join({"(select q.* from unnest($2::text[], $3::uuid[], ",
                                          sql::origin_arrays(4), ") with ordinality as q(action, account_id, ",
                                          sql::origin_columns, ", n) cross join done order by q.n) q"})),
             ")", sql::record_done})};

call compose_one(const record_audit& op) {
  parameters p;
  const std::vector<uuid> operations{op.operation_id};
  p.add_each(operations, [](const uuid& id) { return id; });
  p.add_each(op.notes, [](const audit_note& note) { return to_string(note.action); });
  p.add_each(op.notes, [](const audit_note& note) { return note.account_id; });
  std::vector<const audit_origin*> origins;
  std::vector<std::string_view> reasons;
  for (const auto& note : op.notes) {
    origins.push_back(&note.origin);
    reasons.push_back(note.reason);
  }
  add_origins(p, origins, reasons);
  return {&record, std::move(p)};
}

// -- searching ---------------------------------------------------------------------------------------------

// The page is one row longer than asked for, which tells whether there are more.
const statement page_of_entries{
  "list_audit",
  "select e.event_id, e.occurred_at, e.action, e.account_id, e.session_id, e.game_id, coalesce(e.reason, ''),"
  " e.actor, coalesce(e.caller, ''), e.user_id, coalesce(e.request_id, ''), e.trace_id, coalesce(host(e.address), "
  "'')"
  " from unnest($1::uuid[], $2::text[], $3::text[]) as q(account_id, caller, action)"
  " cross join lateral search_audit(q.account_id, q.caller, q.action, $4::uuid, $5::uuid, $6::bigint, $7::text[])"
  " with ordinality as e order by e.ordinality"};

/// Every id is below it.
uuid id_max() {
  uuid id;
  id.bytes.fill(0xff);
  return id;
}

call compose_one(const list_audit& op) {
  const group<list_audit> one{&op};
  auto below = op.until ? first_audit_id(*op.until) : id_max();
  if (op.after)
    below = std::min(below, *op.after);
  parameters p;
  p.add_each(one, [](auto* o) { return o->account_id; });
  p.add_each(one, [](auto* o) -> const std::optional<std::string>& { return o->caller; });
  p.add_each(one, [](auto* o) { return o->action ? std::optional{to_string(*o->action)} : std::nullopt; });
  p.add(op.since ? first_audit_id(*op.since) : uuid{}).add(below).add(static_cast<std::int64_t>(op.limit + 1));
  p.add_each(all_audit_actions, [](audit_action action) { return to_string(action); });
  return {&page_of_entries, std::move(p)};
}

audit_event read_entry(row from) {
  audit_event out;
  out.event_id = from.next<uuid>();
  out.occurred_at = from.next<timestamp>();
  out.action = from.next<std::string>();
  out.account_id = from.next<std::optional<uuid>>();
  out.session_id = from.next<std::optional<uuid>>();
  out.game_id = from.next<std::optional<uuid>>();
  out.reason = from.next<std::string>();
  out.origin.actor = from.next<std::string>();
  out.origin.caller = from.next<std::string>();
  out.origin.user_id = from.next<std::optional<uuid>>();
  out.origin.request_id = from.next<std::string>();
  out.origin.trace_id = from.next<std::optional<uuid>>().value_or(uuid{}).bytes;
  out.origin.address = from.next<std::string>();
  return out;
}

list_audit::result read_page(result_set& rows, std::size_t limit) {
  list_audit::result page;
  for (int n = 0; n < rows.size(); ++n)
    page.events.push_back(read_entry(rows[n]));
  page.has_more = page.events.size() > limit;
  if (page.has_more)
    page.events.pop_back();
  return page;
}

} // namespace

void add_origins(parameters& p, const std::vector<const audit_origin*>& origins,
                 const std::vector<std::string_view>& reasons) {
  using origin = const audit_origin*;
  p.add_each(origins, [](origin o) -> std::string_view { return o->actor; });
  p.add_each(origins, [](origin o) { return said(o->caller); });
  p.add_each(origins, [](origin o) { return o->user_id; });
  p.add_each(origins, [](origin o) { return said_safely(o->request_id); });
  p.add_each(origins, trace_of);
  p.add_each(origins, [](origin o) { return said(o->address); });
  p.add_each(reasons, said_safely);
}

transaction build_statements(const group<record_audit>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>&, const group<record_audit>& ops) {
  return maybe_outcomes(ops.size(), outcome{record_audit::result{}});
}

transaction build_statements(const group<list_audit>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_audit>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i)
    out.push_back(outcome{read_page(results[i], ops[i]->limit)});
  return out;
}

} // namespace portcullis::db
