#include "db/audit_sql.hpp"
#include "db/claims.hpp"
#include "db/done_operations.hpp"
#include "db/minted_rows.hpp"
#include "db/model_rows.hpp"
#include "db/revocation_sql.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"

#include <string>
#include <utility>

/// What changes an account that is there: its identities, its name, its seats. Each of these runs in a transaction
/// of its own (see `runs_alone` in executor.cpp), so that it may write the log after it has locked its rows and
/// still take the log's lock last.
namespace portcullis::db {

namespace {

using sql::is_done;
using sql::record_done;

// Against transactions that raise the generation, delete, reap or link: they lock the same row, and first.
const statement lock_account{"change_account_lock", "select from accounts where account_id = any($1::uuid[])"
                                                    " order by account_id for no key update"};

// -- linking -----------------------------------------------------------------------------------------------

const statement lock_old_session{"link_identity_lock_session",
                                 "select from sessions where token_hash = any($1::bytea[]) for no key update"};

const std::string is_old_session =
  sql::join({"s.token_hash = q.old_hash and s.account_id = a.account_id and ", sql::is_alive});

// Nothing is linked for a caller whose token is not that of an active session of the account, nor a second time
// when somebody has unlinked it since.
const statement link{
  "link_identity",
  sql::join(
    {"with asked as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], ",
     sql::origin_arrays(6), ") as q(account_id, kind, external_id, identity_id, old_hash, ", sql::origin_columns,
     ")), done as (insert into identities (identity_id, account_id, kind, external_id)"
     " select q.identity_id, q.account_id, q.kind, q.external_id"
     " from asked q join accounts a using (account_id) where not ",
     is_done("q.identity_id"), " and (q.old_hash is null or exists (select from sessions s where ", is_old_session,
     ")) on conflict (kind, external_id) do nothing returning identity_id as operation_id), audited as (",
     sql::insert_audit(audit_action::identity_linked, {"asked.account_id"},
                       "asked join done on done.operation_id = asked.identity_id"),
     ")", record_done})};

// A full account's sessions may live longer than a guest's: what has expired until now must not come to life
// again.
const statement end_expired{
  "link_identity_end_expired",
  sql::join({"update sessions s set revoked_at = ", sql::expires_at,
             ", revoke_reason = 'expired' from unnest($1::uuid[], $2::text[], $3::text[])"
             " as q(account_id, kind, external_id) join identities i using (kind, external_id), accounts a"
             " where a.account_id = q.account_id and i.account_id = q.account_id and a.is_guest"
             " and s.account_id = a.account_id and ",
             sql::is_active, " and ", sql::is_expired})};

// The event ends no session, since none is of a lower generation. It makes every replica and every subscriber read
// the account's sessions anew, which say "guest" until then.
const statement promote_guest{
  "link_identity_upgrade",
  sql::join({"with ended as (update accounts a set is_guest = false, updated_at = clock_timestamp()"
             " from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])"
             " as q(account_id, kind, external_id, identity_id, reason, actor)"
             " join identities i using (kind, external_id)"
             " where a.account_id = q.account_id and i.account_id = q.account_id and a.is_guest"
             " returning a.account_id, a.session_generation as generation, q.identity_id, q.reason, q.actor),",
             sql::log_lock(), sql::insert_events,
             "'account', null, d.account_id, d.generation, d.reason, d.actor, d.identity_id, null",
             sql::returning_events, " select from logged"}),
  true};

const statement rotate{
  "link_identity_rotate",
  sql::join(
    {"with asked as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::uuid[],"
     " $6::bytea[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], ",
     sql::origin_arrays(12),
     ") as q(account_id, kind, external_id, old_hash, new_id, new_hash, device_label, user_agent, ip, reason,"
     " actor, ",
     sql::origin_columns,
     ")),"
     " ended as (update sessions s set revoked_at = clock_timestamp(), revoke_reason = q.reason"
     " from asked q join identities i using (kind, external_id), accounts a"
     " where a.account_id = q.account_id and i.account_id = q.account_id and ",
     is_old_session,
     " returning s.session_id, s.account_id, s.generation, q.reason, q.actor),"
     " fresh as (insert into sessions (session_id, account_id, token_hash, generation, device_label,"
     " user_agent, ip) select q.new_id, q.account_id, q.new_hash, d.generation, nullif(q.device_label, ''),"
     " nullif(q.user_agent, ''), nullif(q.ip, '')::inet from asked q join ended d using (account_id)),"
     " audited as (",
     sql::insert_audit(
       "s.action", {"d.account_id", "s.session_id"},
       sql::join({"asked q join ended d using (account_id) cross join lateral (values ('",
                  to_string(audit_action::session_revoked), "', d.session_id), ('",
                  to_string(audit_action::session_minted), "', q.new_id)) as s(action, session_id)"})),
     "),", sql::log_lock(), sql::insert_events,
     "'session', d.session_id, d.account_id, d.generation, d.reason, d.actor, null, null", sql::returning_events,
     " select from logged"}),
  true};

const statement report_link{
  "link_identity_report",
  sql::join(
    {"select q.n, ", sql::account_columns, ", a.session_generation, k.account_id, o.session_id, ",
     is_done("q.identity_id"),
     ", coalesce((select true from revocation_events e where e.operation_id = q.identity_id limit 1), false),"
     " feed_epoch(), feed_end()"
     " from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::bytea[]) with ordinality"
     " as q(account_id, kind, external_id, identity_id, old_hash, n) join accounts a using (account_id)"
     " left join identities k on k.kind = q.kind and k.external_id = q.external_id"
     " left join sessions o on o.token_hash = q.old_hash",
     sql::identities_of_account})};

// -- unlinking, naming, seating ----------------------------------------------------------------------------

const statement unlink{
  "unlink_identity",
  sql::join({"with asked as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], ",
             sql::origin_arrays(5), ") as q(account_id, kind, external_id, operation_id, ", sql::origin_columns,
             ")), done as (delete from identities i using asked q, accounts a"
             " where i.account_id = q.account_id and i.kind = q.kind and i.external_id = q.external_id"
             " and a.account_id = q.account_id and (a.is_guest or exists (select from identities other"
             " where other.account_id = q.account_id and other.identity_id <> i.identity_id))"
             " and not ",
             is_done("q.operation_id"), " returning q.operation_id), audited as (",
             sql::insert_audit(audit_action::identity_unlinked, {"asked.account_id"},
                               "asked join done using (operation_id)"),
             ")", record_done})};

const statement report_unlink{
  "unlink_identity_report",
  sql::join({"select q.n, ", sql::account_columns, ", ", is_done("q.operation_id"),
             ", k.identity_id is not null from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])"
             " with ordinality as q(account_id, kind, external_id, operation_id, n)"
             " join accounts a using (account_id) left join identities k on k.account_id = q.account_id"
             " and k.kind = q.kind and k.external_id = q.external_id",
             sql::identities_of_account})};

// Neither is done a second time over what somebody else has set since.
const statement rename{
  "set_display_name",
  sql::join({"with asked as (select * from unnest($1::uuid[], $2::text[], $3::uuid[], ", sql::origin_arrays(4),
             ") as q(account_id, display_name, operation_id, ", sql::origin_columns,
             ")), done as (update accounts a set display_name = q.display_name, updated_at = clock_timestamp()"
             " from asked q where a.account_id = q.account_id and not ",
             is_done("q.operation_id"), " returning q.operation_id), audited as (",
             sql::insert_audit(audit_action::account_renamed, {"asked.account_id"},
                               "asked join done using (operation_id)"),
             ")", record_done})};

const statement seat{
  "seat_player",
  sql::join({"with done as (select q.* from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], ",
             sql::origin_arrays(5), ") as q(game_id, account_id, seat, operation_id, ", sql::origin_columns,
             ") join accounts a using (account_id) where not ", is_done("q.operation_id"),
             "), seated as (insert into game_players (game_id, account_id, seat)"
             " select game_id, account_id, seat::integer from done"
             " on conflict (game_id, account_id) do update set seat = excluded.seat), audited as (",
             sql::insert_audit(audit_action::player_seated, {"done.account_id", "null", "done.game_id"}, "done"),
             ")", record_done})};

// Nor is a seat taken back a second time that somebody has given anew since.
// From `unseated`: the seats that were taken back.
const std::string audit_unseated =
  sql::join({", audited as (",
             sql::insert_audit(audit_action::player_unseated, {"unseated.account_id", "null", "unseated.game_id"},
                               "done cross join unseated"),
             ")"});

const statement unseat{
  "unseat_player", sql::join({"with done as (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], ",
                              sql::origin_arrays(4), ") as q(game_id, account_id, operation_id, ",
                              sql::origin_columns, ") where not ", is_done("q.operation_id"),
                              "), unseated as (delete from game_players p using done d where p.game_id = d.game_id"
                              " and p.account_id = d.account_id returning p.game_id, p.account_id)",
                              audit_unseated, record_done})};

const statement clear_game{
  "unseat_game",
  sql::join({"with done as (select * from unnest($1::uuid[], $2::uuid[], ", sql::origin_arrays(3),
             ") as q(game_id, operation_id, ", sql::origin_columns, ") where not ", is_done("q.operation_id"),
             "), unseated as (delete from game_players p using done d where p.game_id = d.game_id"
             " returning p.game_id, p.account_id)",
             audit_unseated, record_done})};

const statement end_of_log{"unseat_report", "select feed_epoch(), feed_end()"};

template <class Op>
maybe_outcomes read_end_of_log(result_set& rows, const group<Op>& ops) {
  auto answer = rows[0];
  return maybe_outcomes(ops.size(), outcome{typename Op::result{read_cursor(answer)}});
}

template <class Op>
parameters accounts_of(const group<Op>& ops) {
  parameters p;
  p.add_each(ops, [](const Op* op) { return op->account_id; });
  return p;
}

template <class Op>
parameters identities_of(const group<Op>& ops) {
  auto p = accounts_of(ops);
  p.add_each(ops, [](const Op* op) { return std::string{to_string(op->key.kind)}; });
  p.add_each(ops, [](const Op* op) -> std::string_view { return op->key.external_id; });
  return p;
}

std::optional<token_hash> old_hash_of(const link_identity* op) {
  return op->rotation ? std::optional{op->rotation->old_hash} : std::nullopt;
}

void add_cause(parameters& p, const group<link_identity>& ops) {
  p.add_each(ops, [](const link_identity* op) -> std::string_view { return op->cause.reason; });
  p.add_each(ops, [](const link_identity* op) -> std::string_view { return op->cause.actor; });
}

/// The drafts of those that rotate.
std::vector<const session_draft*> drafts_of(const group<link_identity>& ops) {
  std::vector<const session_draft*> out;
  for (const auto* op : ops)
    if (op->rotation)
      out.push_back(&op->rotation->draft);
  return out;
}

call compose_rotation(const group<link_identity>& ops) {
  auto p = identities_of(ops);
  p.add_each(ops, old_hash_of);
  using text = std::string_view;
  p.add_each(ops, [](const link_identity* op) { return op->rotation->draft.session_id; });
  p.add_each(ops, [](const link_identity* op) { return op->rotation->draft.hash; });
  p.add_each(ops, [](const link_identity* op) -> text { return op->rotation->draft.device.label; });
  p.add_each(ops, [](const link_identity* op) -> text { return op->rotation->draft.device.user_agent; });
  p.add_each(ops, [](const link_identity* op) -> text { return op->rotation->draft.device.ip; });
  add_cause(p, ops);
  add_origins(p, ops);
  return {&rotate, std::move(p)};
}

/// One row of `report_link`; `rotated` is the new session, if there is one. Empty when the identity was another's
/// when it was to be linked, and nobody's by the time of the report.
maybe_outcome conclude_link(row& answer, const link_identity& op, std::optional<minted> rotated) {
  link_identity::result one;
  one.account = read_account(answer);
  one.generation = answer.next<std::int32_t>();
  auto holder = answer.next<std::optional<uuid>>();
  one.ended_session_id = answer.next<std::optional<uuid>>().value_or(uuid{});
  bool is_linked_by_this = answer.next<bool>();
  one.was_upgraded = answer.next<bool>();
  one.position = read_cursor(answer);
  // What this has done stands, whoever holds the identity by now.
  bool is_done = is_linked_by_this || rotated;
  if (!is_done && holder && *holder != op.account_id)
    return failure{errc::identity_taken, "the identity belongs to another account"};
  if (!is_done && !holder && !op.rotation)
    return std::nullopt;
  if (op.rotation && !rotated)
    return failure{errc::session_unknown, "the token is not that of an active session of the account"};
  one.was_linked = !is_linked_by_this;
  one.rotated = std::move(rotated);
  return one;
}

} // namespace

transaction build_statements(const group<link_identity>& ops) {
  parameters old;
  old.add_each(ops, old_hash_of);
  auto upgraded = identities_of(ops);
  upgraded.add_each(ops, [](const link_identity* op) { return op->identity_id; });
  auto linked = upgraded;
  linked.add_each(ops, old_hash_of);
  auto reported = linked;
  add_origins(linked, ops);
  add_cause(upgraded, ops);
  transaction out{{&lock_account, accounts_of(ops)},
                  {&lock_old_session, std::move(old)},
                  {&link, std::move(linked)},
                  {&end_expired, identities_of(ops)},
                  {&promote_guest, std::move(upgraded)},
                  {&report_link, std::move(reported)}};
  if (ops.front()->rotation) {
    out.insert(out.end() - 1, compose_rotation(ops));
    out.push_back(select_minted_sessions(drafts_of(ops)));
  }
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<link_identity>& ops) {
  bool rotates = ops.front()->rotation.has_value();
  std::optional<minted> rotated;
  if (rotates)
    for_each_answer(results[7], 1, [&](std::size_t, row& answer) { rotated = read_minted(answer); });
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for_each_answer(results[rotates ? 6 : 5], ops.size(),
                  [&](std::size_t i, row& answer) { out[i] = conclude_link(answer, *ops[i], rotated); });
  return out;
}

transaction build_statements(const group<unlink_identity>& ops) {
  auto p = identities_of(ops);
  p.add_each(ops, [](const unlink_identity* op) { return op->operation_id; });
  auto reported = p;
  add_origins(p, ops);
  return {{&lock_account, accounts_of(ops)}, {&unlink, std::move(p)}, {&report_unlink, std::move(reported)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<unlink_identity>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for_each_answer(results[2], ops.size(), [&](std::size_t i, row& answer) {
    auto one = read_account(answer);
    bool is_unlinked_by_this = answer.next<bool>();
    bool is_there = answer.next<bool>();
    if (is_unlinked_by_this)
      out[i] = outcome{std::move(one)};
    else if (is_there)
      out[i] = refusal(errc::identity_last, "the only identity of an account cannot be removed");
    else
      out[i] = refusal(errc::identity_not_found, "the account has no such identity");
  });
  return out;
}

transaction build_statements(const group<set_display_name>& ops) {
  auto p = accounts_of(ops);
  p.add_each(ops,
             [](const set_display_name* op) -> const std::optional<std::string>& { return op->display_name; });
  p.add_each(ops, [](const set_display_name* op) { return op->operation_id; });
  add_origins(p, ops);
  return {{&lock_account, accounts_of(ops)}, {&rename, std::move(p)}, select_accounts_by_id(accounts_of(ops))};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<set_display_name>& ops) {
  maybe_outcomes out(ops.size(), refusal(errc::account_not_found, no_such_account));
  for_each_answer(results[2], ops.size(), [&](std::size_t i, row& answer) { out[i] = read_account(answer); });
  return out;
}

transaction build_statements(const group<seat_player>& ops) {
  parameters p;
  p.add_each(ops, [](const seat_player* op) { return op->game_id; });
  p.add_each(ops, [](const seat_player* op) { return op->account_id; });
  p.add_each(
    ops, [](const seat_player* op) { return op->seat ? std::optional{std::to_string(*op->seat)} : std::nullopt; });
  p.add_each(ops, [](const seat_player* op) { return op->operation_id; });
  add_origins(p, ops);
  return {{&lock_account, accounts_of(ops)}, {&seat, std::move(p)}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<seat_player>& ops) {
  auto one = results[0].size() > 0 ? maybe_outcome{outcome{seat_player::result{}}}
                                   : refusal(errc::account_not_found, no_such_account);
  return maybe_outcomes(ops.size(), one);
}

transaction build_statements(const group<unseat_player>& ops) {
  parameters p;
  p.add_each(ops, [](const unseat_player* op) { return op->game_id; });
  p.add_each(ops, [](const unseat_player* op) { return op->account_id; });
  p.add_each(ops, [](const unseat_player* op) { return op->operation_id; });
  add_origins(p, ops);
  return {{&unseat, std::move(p)}, {&end_of_log, {}}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<unseat_player>& ops) {
  return read_end_of_log(results[1], ops);
}

transaction build_statements(const group<unseat_game>& ops) {
  parameters p;
  p.add_each(ops, [](const unseat_game* op) { return op->game_id; });
  p.add_each(ops, [](const unseat_game* op) { return op->operation_id; });
  add_origins(p, ops);
  return {{&clear_game, std::move(p)}, {&end_of_log, {}}};
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<unseat_game>& ops) {
  return read_end_of_log(results[1], ops);
}

} // namespace portcullis::db
