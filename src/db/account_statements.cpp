#include "core/failpoint.hpp"
#include "db/audit_sql.hpp"
#include "db/claims.hpp"
#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace portcullis::db {

namespace {

const statement select_by_id{"get_account",
                             sql::join({"select q.n, ", sql::account_columns,
                                        " from unnest($1::uuid[]) with ordinality as q(account_id, n)"
                                        " join accounts a using (account_id)",
                                        sql::identities_of_account})};

const statement select_by_identity{
  "find_account", sql::join({"select q.n, ", sql::account_columns,
                             " from unnest($1::text[], $2::text[]) with ordinality as q(kind, external_id, n)"
                             " join identities k using (kind, external_id)"
                             " join accounts a on a.account_id = k.account_id",
                             sql::identities_of_account})};

// Without it, every transaction that looked and found nobody makes an account, the losers of a race too.
constexpr std::string_view decided_by_index(bool is_so) {
  return is_so ? "join claimed using (identity_id)"
               : "where not exists (select from identities i where i.kind = asked.kind"
                 " and i.external_id = asked.external_id)";
}

const statement claim{
  "claim_identities",
  sql::join({"with asked as (select distinct on (kind, external_id) *"
             " from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], ",
             sql::origin_arrays(6),
             ") with ordinality as q(kind, external_id, identity_id, account_id, display_name, ",
             sql::origin_columns,
             ", n) order by kind, external_id, n),"
             " claimed as (insert into identities (identity_id, account_id, kind, external_id)"
             " select identity_id, account_id, kind, external_id from asked order by kind, external_id"
             " on conflict (kind, external_id) do nothing returning identity_id),"
             " made as (insert into accounts (account_id, is_guest, display_name)"
             " select account_id, false, display_name from asked ",
             decided_by_index(!fails(failpoint::claim_decided_by_index)), " returning account_id)",
             sql::insert_audit(audit_action::account_created, {"asked.account_id"},
                               "asked join made using (account_id)")})};

// Run again after a lost outcome, it finds its own row.
const statement insert_guests{"create_guest",
                              sql::join({"with asked as (select * from unnest($1::uuid[], ", sql::origin_arrays(2),
                                         ") as q(account_id, ", sql::origin_columns,
                                         ")), made as (insert into accounts (account_id, is_guest)"
                                         " select account_id, true from asked order by account_id"
                                         " on conflict (account_id) do nothing returning account_id)",
                                         sql::insert_audit(audit_action::account_created, {"asked.account_id"},
                                                           "asked join made using (account_id)")})};

template <class Op>
call select_accounts(const group<Op>& ops) {
  parameters p;
  p.add_each(ops, [](const Op* op) { return op->account_id; });
  return select_accounts_by_id(std::move(p));
}

maybe_outcomes read_accounts(result_set& rows, std::size_t operations) {
  maybe_outcomes out(operations, refusal(errc::account_not_found, no_such_account));
  for_each_answer(rows, operations, [&](std::size_t i, row& answer) { out[i] = read_account(answer); });
  return out;
}

std::string kind_of(const identity_key& key) {
  return std::string{to_string(key.kind)};
}

} // namespace

call select_accounts_by_id(parameters ids) {
  return {&select_by_id, std::move(ids)};
}

call claim_identities(const std::vector<identity_claimant>& claims) {
  using one = const identity_claimant&;
  parameters p;
  p.add_each(claims, [](one c) { return kind_of(c.claim->key); });
  p.add_each(claims, [](one c) -> std::string_view { return c.claim->key.external_id; });
  p.add_each(claims, [](one c) { return c.claim->identity_id; });
  p.add_each(claims, [](one c) { return c.claim->account_id; });
  p.add_each(claims, [](one c) -> const std::optional<std::string>& { return c.claim->display_name; });
  std::vector<const audit_origin*> origins;
  for (one c : claims)
    origins.push_back(c.origin);
  add_origins(p, origins, std::vector<std::string_view>(origins.size()));
  return {&claim, std::move(p)};
}

call select_accounts_by_identity(const std::vector<const identity_key*>& keys) {
  parameters p;
  p.add_each(keys, [](const identity_key* key) { return kind_of(*key); });
  p.add_each(keys, [](const identity_key* key) -> std::string_view { return key->external_id; });
  return {&select_by_identity, std::move(p)};
}

transaction build_statements(const group<get_account>& ops) {
  return {select_accounts(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_account>& ops) {
  return read_accounts(results[0], ops.size());
}

transaction build_statements(const group<find_account>& ops) {
  std::vector<const identity_key*> keys;
  for (const auto* op : ops)
    keys.push_back(&op->key);
  return {select_accounts_by_identity(keys)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_account>& ops) {
  return read_accounts(results[0], ops.size());
}

transaction build_statements(const group<find_or_create_account>& ops) {
  std::vector<const identity_key*> keys;
  for (const auto* op : ops)
    keys.push_back(&op->claim.key);
  return {claim_identities(claims_of(ops)), select_accounts_by_identity(keys)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_or_create_account>& ops) {
  maybe_outcomes out(ops.size()); // an identity that was there and is not any more: again
  for_each_answer(results[1], ops.size(), [&](std::size_t i, row& answer) {
    find_or_create_account::result found;
    found.account = read_account(answer);
    found.created = found.account.account_id == ops[i]->claim.account_id;
    out[i] = std::move(found);
  });
  return out;
}

transaction build_statements(const group<create_guest>& ops) {
  parameters p;
  p.add_each(ops, [](const create_guest* op) { return op->account_id; });
  add_origins(p, ops);
  return {{&insert_guests, std::move(p)}, select_accounts(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<create_guest>& ops) {
  return read_accounts(results[1], ops.size());
}

} // namespace portcullis::db
