#include "db/log_statements.hpp"

#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <utility>

namespace portcullis::db {

namespace {

// $1 epoch, $2 seq, $3 limit. All of it by one snapshot: retention cannot move in between.
const statement select_events{
  "read_events",
  "with feed as materialized (select feed_epoch() as epoch, feed_end() as seq, pruned_through from feed_state),"
  " start as materialized (select *, epoch = $1::bigint and $2::bigint between pruned_through and seq as is_known"
  " from feed)"
  " select clock_timestamp(), f.is_known, f.epoch, f.seq, e.seq is not null,"
  " e.seq, e.kind, e.session_id, e.account_id, e.generation, e.reason, e.actor, e.occurred_at,"
  " (extract(epoch from clock_timestamp() - e.occurred_at) * 1000000)::bigint"
  " from start f left join lateral (select * from revocation_events where f.is_known and seq > $2::bigint"
  " order by seq limit $3::bigint) e on true order by e.seq"};

const statement select_true{"ping", "select true"};

const statement select_time{"read_clock", "select clock_timestamp()"};

} // namespace

call select_events_after(const cursor& after, std::size_t limit) {
  parameters p;
  p.add(static_cast<std::int64_t>(after.epoch))
    .add(static_cast<std::int64_t>(after.seq))
    .add(static_cast<std::int64_t>(limit));
  return {&select_events, std::move(p)};
}

log_rows read_log_rows(result_set& rows) {
  log_rows out;
  if (rows.size() == 0) // feed_state has lost its row
    rows.mark_malformed();
  for (int i = 0; i < rows.size(); ++i) {
    auto one = rows[i];
    out.now = one.next<timestamp>();
    out.reset = !one.next<bool>();
    out.end = read_cursor(one);
    if (!one.next<bool>())
      continue;
    out.events.push_back(read_event(one));
    out.ages.emplace_back(one.next<std::int64_t>());
  }
  return out;
}

transaction build_statements(const group<read_events>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(select_events_after(op->after, op->limit));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<read_events>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto page = read_log_rows(results[i]);
    read_events::result one;
    one.reset = page.reset;
    one.last = page.end;
    if (page.events.size() >= ops[i]->limit && !page.events.empty())
      one.last.seq = page.events.back().seq;
    one.events = std::move(page.events);
    out.push_back(outcome{std::move(one)});
  }
  return out;
}

transaction build_statements(const group<read_clock>& ops) {
  return transaction(ops.empty() ? 0 : 1, call{&select_time, {}});
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<read_clock>& ops) {
  auto answer = results[0][0];
  return maybe_outcomes(ops.size(), outcome{read_clock::result{answer.next<timestamp>()}});
}

transaction build_statements(const group<ping>& ops) {
  return transaction(ops.empty() ? 0 : 1, call{&select_true, {}});
}

maybe_outcomes decode_results(std::vector<result_set>&, const group<ping>& ops) {
  return maybe_outcomes(ops.size(), outcome{ping::result{}});
}

} // namespace portcullis::db
