#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <string>
#include <utility>

namespace portcullis::db {

namespace {

// A condition that is null is none. The page is one row longer than asked for, which tells whether there are more.
const statement page_of_accounts{
  "list_accounts",
  sql::join({"select ", sql::account_columns,
             " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])"
             " as q(kind, prefix, is_guest, created_before, created_after, after)"
             " join accounts a on (q.after is null or a.account_id > q.after)"
             " and (q.is_guest is null or a.is_guest = q.is_guest::boolean)"
             " and (q.created_before is null or a.created_at < q.created_before::timestamptz)"
             " and (q.created_after is null or a.created_at >= q.created_after::timestamptz)"
             " and ((q.kind is null and q.prefix is null) or exists (select from identities k"
             " where k.account_id = a.account_id and (q.kind is null or k.kind = q.kind)"
             " and (q.prefix is null or starts_with(k.external_id, q.prefix))))",
             sql::identities_of_account, " order by a.account_id limit $7::bigint"})};

const statement counts{
  "count_all", sql::join({"select (select count(*) from accounts), (select count(*) from accounts where is_guest),"
                          " (select count(*) from sessions s join accounts a using (account_id) where ",
                          sql::is_active, ")"})};

std::optional<std::string> text_of(const std::optional<timestamp>& t) {
  return t ? std::optional{to_rfc3339(*t)} : std::nullopt;
}

call compose_one(const list_accounts& op) {
  const group<list_accounts> one{&op};
  parameters p;
  p.add_each(one,
             [](auto* o) { return o->kind ? std::optional{std::string{to_string(*o->kind)}} : std::nullopt; });
  p.add_each(one, [](auto* o) -> const std::optional<std::string>& { return o->external_id_prefix; });
  p.add_each(one, [](auto* o) {
    return o->is_guest ? std::optional{std::string{*o->is_guest ? "true" : "false"}} : std::nullopt;
  });
  p.add_each(one, [](auto* o) { return text_of(o->created_before); });
  p.add_each(one, [](auto* o) { return text_of(o->created_after); });
  p.add_each(one, [](auto* o) { return o->after; });
  p.add(static_cast<std::int64_t>(op.limit + 1));
  return {&page_of_accounts, std::move(p)};
}

} // namespace

transaction build_statements(const group<list_accounts>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

verdicts decode_results(std::vector<result_set>& results, const group<list_accounts>& ops) {
  verdicts out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    list_accounts::result page;
    for (int n = 0; n < results[i].size(); ++n) {
      auto one = results[i][n];
      page.accounts.push_back(read_account(one));
    }
    page.has_more = page.accounts.size() > ops[i]->limit;
    if (page.has_more)
      page.accounts.pop_back();
    out.push_back(outcome{std::move(page)});
  }
  return out;
}

transaction build_statements(const group<count_all>& ops) {
  return transaction(ops.empty() ? 0 : 1, call{&counts, {}});
}

verdicts decode_results(std::vector<result_set>& results, const group<count_all>& ops) {
  auto answer = results[0][0];
  count_all::result one;
  one.accounts = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  one.guests = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  one.active_sessions = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  return verdicts(ops.size(), outcome{one});
}

} // namespace portcullis::db
