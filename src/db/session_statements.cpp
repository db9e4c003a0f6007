#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <utility>

namespace portcullis::db {

namespace {

const statement select_by_hash{
  "find_session", sql::join({"select q.n, s.session_id, s.account_id, s.created_at, s.generation, a.is_guest, ",
                             sql::expires_at, ", ", sql::is_active, ", ", sql::is_expired,
                             " from unnest($1::bytea[]) with ordinality as q(token_hash, n)"
                             " join sessions s using (token_hash) join accounts a using (account_id)"})};

const statement select_by_id{
  "get_session", sql::join({"select q.n, ", sql::session_columns,
                            " from unnest($1::uuid[]) with ordinality as q(session_id, n)"
                            " join sessions s using (session_id) join accounts a using (account_id)"})};

// One row with an empty session when the account has none; no row when there is no account.
const statement select_page{
  "list_sessions",
  sql::join({"select s.session_id is not null, ", sql::session_columns,
             " from accounts a left join lateral (select * from sessions s where s.account_id = a.account_id and ",
             sql::is_alive,
             " and s.session_id > $2::uuid order by s.session_id limit $3::bigint) s on true"
             " where a.account_id = $1::uuid order by s.session_id"})};

session_record to_record(row& from) {
  session_record out;
  out.session_id = from.next<uuid>();
  out.account_id = from.next<uuid>();
  out.created_at = from.next<timestamp>();
  out.generation = from.next<std::int32_t>();
  out.is_guest = from.next<bool>();
  out.expires_at = from.next<std::optional<timestamp>>();
  return out;
}

session_status to_status(row& from) {
  auto is_active = from.next<bool>();
  auto is_expired = from.next<bool>();
  if (!is_active)
    return session_status::revoked;
  return is_expired ? session_status::expired : session_status::active;
}

} // namespace

transaction build_statements(const group<find_session>& ops) {
  parameters p;
  p.add_each(ops, [](const find_session* op) { return op->hash; });
  return {{&select_by_hash, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_session>& ops) {
  maybe_outcomes out(ops.size(), outcome{find_session::result{}});
  for_each_answer(results[0], ops.size(), [&](std::size_t i, row& answer) {
    find_session::result found;
    found.record = to_record(answer);
    found.status = to_status(answer);
    out[i] = found;
  });
  return out;
}

transaction build_statements(const group<get_session>& ops) {
  parameters p;
  p.add_each(ops, [](const get_session* op) { return op->session_id; });
  return {{&select_by_id, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_session>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::session_not_found, no_such_session));
  for_each_answer(results[0], ops.size(), [&](std::size_t i, row& answer) { out[i] = read_session(answer); });
  return out;
}

transaction build_statements(const group<list_sessions>& ops) {
  transaction out;
  for (const auto* op : ops) {
    parameters p;
    p.add(op->account_id).add(op->after.value_or(uuid{})).add(static_cast<std::int64_t>(op->limit) + 1);
    out.push_back({&select_page, std::move(p)});
  }
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_sessions>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto& rows = results[i];
    if (rows.size() == 0)
      continue;
    list_sessions::result page;
    for (int n = 0; n < rows.size(); ++n) {
      auto one = rows[n];
      if (one.next<bool>())
        page.sessions.push_back(read_session(one));
    }
    page.has_more = page.sessions.size() > ops[i]->limit;
    if (page.has_more)
      page.sessions.pop_back();
    out[i] = std::move(page);
  }
  return out;
}

} // namespace portcullis::db
