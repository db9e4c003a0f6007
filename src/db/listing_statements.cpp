#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <string>
#include <utility>

namespace portcullis::db {

namespace {

/// Identities that match a search and are sorted; past it the accounts are walked in order. Sorting so many takes
/// some 30 ms.
constexpr std::int64_t matches_sorted_max = 50'000;

/// Pages of a table that are read to count its rows. The numbers of larger tables are estimates, by a few percent.
constexpr std::int64_t counted_pages_max = 128;

// A condition that is null is none. The page is one row longer than asked for, which tells whether there are more.
const statement page_of_accounts{
  "list_accounts",
  sql::join({"select ", sql::account_columns,
             " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])"
             " as q(kind, prefix, is_guest, created_before, created_after, after)"
             " cross join lateral search_accounts(q.kind, q.prefix, q.is_guest::boolean,"
             " q.created_before::timestamptz, q.created_after::timestamptz, q.after, $7::bigint, $8::bigint)"
             " with ordinality as f(account_id, n) join accounts a using (account_id)",
             sql::identities_of_account, " order by f.n"})};

const statement counts{"count_all",
                       "select accounts, guests, active_sessions, is_estimated from count_all($1::bigint)"};

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
  p.add(static_cast<std::int64_t>(op.limit + 1)).add(matches_sorted_max);
  return {&page_of_accounts, std::move(p)};
}

} // namespace

transaction build_statements(const group<list_accounts>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back(compose_one(*op));
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_accounts>& ops) {
  maybe_outcomes out;
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
  if (ops.empty())
    return {};
  parameters p;
  p.add(counted_pages_max);
  return {{&counts, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<count_all>& ops) {
  auto answer = results[0][0];
  count_all::result one;
  one.accounts = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  one.guests = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  one.active_sessions = static_cast<std::uint64_t>(answer.next<std::int64_t>());
  one.is_estimated = answer.next<bool>();
  return maybe_outcomes(ops.size(), outcome{one});
}

} // namespace portcullis::db
