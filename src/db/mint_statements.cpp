#include "core/failpoint.hpp"
#include "db/advisory_locks.hpp"
#include "db/audit_sql.hpp"
#include "db/claims.hpp"
#include "db/minted_rows.hpp"
#include "db/model_rows.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::db {

namespace {

// $1…$12, the same in every mint; the columns of `draft`.
const std::string draft_arrays =
  "$1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], " + sql::origin_arrays(6);
const std::string draft_columns =
  sql::join({"session_id, token_hash, device_label, user_agent, ip, ", sql::origin_columns});

// From `owner`: the drafts, each with its account and that account's generation. A conflict means that an earlier
// attempt, whose outcome was lost, did commit: the row is there already.
const std::string insert_sessions =
  std::string{
    "insert into sessions (session_id, account_id, token_hash, generation, device_label, user_agent, ip)"
    " select session_id, account_id, token_hash, session_generation, nullif(device_label, ''), nullif(user_agent, "
    "''),"
    " nullif(ip, '')::inet from owner"}
  + (!fails(failpoint::idempotent_retry) ? " on conflict do nothing" : "") + " returning session_id";

// One for each session that this run has minted.
const std::string audit_sessions =
  sql::insert_audit(audit_action::session_minted, {"owner.account_id", "owner.session_id"},
                    "owner join inserted using (session_id)");

// The same for guests, after an entry for the account.
const std::string audit_guests = sql::insert_audit(
  "told.action", {"owner.account_id", "told.session_id"},
  sql::join({"owner join inserted using (session_id) cross join lateral (values ('",
             to_string(audit_action::account_created), "', null), ('", to_string(audit_action::session_minted),
             "', owner.session_id)) as told(action, session_id)"}));

// The account's row is locked as its generation is read, against revoke_account and delete_account, which lock it
// for update: a session minted before them is theirs to end, one minted after them has the new generation. And
// against other mints for the account: what one of them counts, no other changes before its commit. Ordered, for
// two batches that lock the same accounts.
const std::string lock_owners = std::string{" order by a.account_id, d.session_id"}
                                + (!fails(failpoint::generation_lock) ? " for no key update of a" : "");

const statement mint{
  "mint_session",
  sql::join({"with owner as (select d.*, a.session_generation from unnest(", draft_arrays, ", $13::uuid[]) as d(",
             draft_columns, ", account_id) join accounts a using (account_id)", lock_owners, "), inserted as (",
             insert_sessions, "), audited as (", audit_sessions, ") select account_id from owner"})};

const statement mint_for_claims{
  "mint_for_identity",
  sql::join({"with owner as (select d.*, a.account_id, a.session_generation from unnest(", draft_arrays,
             ", $13::text[], $14::text[]) as d(", draft_columns,
             ", kind, external_id)"
             " join identities i using (kind, external_id) join accounts a using (account_id)",
             lock_owners, "), inserted as (", insert_sessions, ")", audit_sessions})};

// The account is this transaction's own: nobody else can have raised its generation.
const statement mint_with_guests{
  "mint_guest",
  sql::join({"with owner as (select d.*, 0 as session_generation from unnest(", draft_arrays,
             ", $13::uuid[]) as d(", draft_columns,
             ", account_id) order by d.account_id),"
             " guests as (insert into accounts (account_id, is_guest) select account_id, true from owner"
             " on conflict (account_id) do nothing), inserted as (",
             insert_sessions, ")", audit_guests})};

// Prepared while the tables may be empty, for as long as the connection lives: one row at a time (`limit 1`),
// since no statistics make that read a whole index. The same below.
const statement select_minted{
  "select_minted",
  sql::join({"select q.n, ", sql::session_columns, ", s.generation, ", sql::account_columns,
             " from unnest($1::uuid[], $2::bytea[]) with ordinality as q(session_id, token_hash, n)"
             " cross join lateral (select s.* from sessions s where s.session_id = q.session_id"
             " and s.token_hash = q.token_hash limit 1) s"
             " cross join lateral (select a.* from accounts a where a.account_id = s.account_id limit 1) a",
             sql::identities_of_account})};

// A statement of its own, whose snapshot has the new sessions, and those of other mints that were waited for.
const statement supersede{
  "mint_supersede",
  sql::join({"select owner_id, ended_id, last_epoch, last_seq from end_surplus_sessions($1::uuid[],"
             " nullif(current_setting('portcullis.sessions_per_account_max', true), '')::bigint, ",
             std::to_string(revocation_log_lock), ", '", to_string(audit_action::session_minted), "', '",
             to_string(audit_action::session_revoked), "')"}),
  true};

template <class Op>
call supersede_others(const group<Op>& ops) {
  parameters p;
  p.add_each(ops, [](const Op* op) { return op->draft.session_id; });
  return {&supersede, std::move(p)};
}

/// What `supersede` has ended, told with the mints that did it.
void tell_superseded(result_set& rows, maybe_outcomes& mints) {
  struct ending {
    std::vector<uuid> sessions;
    cursor last;
  };
  std::unordered_map<uuid, ending> by_account;
  for (int i = 0; i < rows.size(); ++i) {
    auto event = rows[i];
    auto& of_account = by_account[event.next<uuid>()];
    of_account.sessions.push_back(event.next<uuid>());
    of_account.last = read_cursor(event);
  }
  for (auto& one : mints) {
    auto* made = one ? std::get_if<minted>(&*one) : nullptr;
    if (made == nullptr)
      continue;
    auto found = by_account.find(made->account.account_id);
    if (found == by_account.end())
      continue;
    made->superseded = std::exchange(found->second.sessions, {});
    made->position = found->second.last;
  }
}

template <class Op>
parameters drafts_of(const group<Op>& ops) {
  parameters p;
  p.add_each(ops, [](const Op* op) { return op->draft.session_id; });
  p.add_each(ops, [](const Op* op) { return op->draft.hash; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->draft.device.label; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->draft.device.user_agent; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->draft.device.ip; });
  add_origins(p, ops);
  return p;
}

template <class Op>
call select_sessions(const group<Op>& ops) {
  std::vector<const session_draft*> drafts;
  for (const auto* op : ops)
    drafts.push_back(&op->draft);
  return select_minted_sessions(drafts);
}

} // namespace

call select_minted_sessions(const std::vector<const session_draft*>& drafts) {
  parameters p;
  p.add_each(drafts, [](const session_draft* draft) { return draft->session_id; });
  p.add_each(drafts, [](const session_draft* draft) { return draft->hash; });
  return {&select_minted, std::move(p)};
}

minted read_minted(row& from) {
  minted out;
  out.session = read_session(from);
  out.generation = from.next<std::int32_t>();
  out.account = read_account(from);
  return out;
}

transaction build_statements(const group<mint_session>& ops) {
  auto p = drafts_of(ops);
  p.add_each(ops, [](const mint_session* op) { return op->account_id; });
  return {{&mint, std::move(p)}, select_sessions(ops), supersede_others(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_session>& ops) {
  std::vector<uuid> owners;
  for (int i = 0; i < results[0].size(); ++i)
    owners.push_back(results[0][i].next<uuid>()); // ascending
  maybe_outcomes out;
  for (const auto* op : ops) {
    auto has_owner = std::binary_search(owners.begin(), owners.end(), op->account_id);
    out.push_back(has_owner ? refusal(errc::internal, "the session's id or token is another session's")
                            : refusal(errc::account_not_found, no_such_account));
  }
  for_each_answer(results[1], ops.size(), [&](std::size_t i, row& answer) { out[i] = read_minted(answer); });
  tell_superseded(results[2], out);
  return out;
}

transaction build_statements(const group<mint_for_identity>& ops) {
  auto p = drafts_of(ops);
  p.add_each(ops, [](const mint_for_identity* op) { return std::string{to_string(op->claim.key.kind)}; });
  p.add_each(ops, [](const mint_for_identity* op) -> std::string_view { return op->claim.key.external_id; });
  return {claim_identities(claims_of(ops)),
          {&mint_for_claims, std::move(p)},
          select_sessions(ops),
          supersede_others(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_for_identity>& ops) {
  maybe_outcomes out(ops.size()); // the account went between the statements: again
  for_each_answer(results[2], ops.size(), [&](std::size_t i, row& answer) {
    auto one = read_minted(answer);
    one.account_created = one.account.account_id == ops[i]->claim.account_id;
    out[i] = std::move(one);
  });
  tell_superseded(results[3], out);
  return out;
}

transaction build_statements(const group<mint_guest>& ops) {
  auto p = drafts_of(ops);
  p.add_each(ops, [](const mint_guest* op) { return op->account_id; });
  return {{&mint_with_guests, std::move(p)}, select_sessions(ops)};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_guest>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::internal, "the session's id or token is another session's"));
  for_each_answer(results[1], ops.size(), [&](std::size_t i, row& answer) {
    auto one = read_minted(answer);
    one.account_created = true; // under an id that was made for it
    out[i] = std::move(one);
  });
  return out;
}

} // namespace portcullis::db
