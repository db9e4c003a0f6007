#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// Pieces that several statements share.
namespace portcullis::db::sql {

inline std::string join(std::initializer_list<std::string_view> pieces) {
  std::string out;
  for (auto piece : pieces)
    out += piece;
  return out;
}

/// The one definition of a session that has not been revoked, over `sessions s` and its account, `accounts a`.
inline constexpr std::string_view is_active = "(s.revoked_at is null and s.generation = a.session_generation)";

/// When a session reaches its age, over the same; null: never.
inline constexpr std::string_view expires_at = "session_expires_at(s.created_at, a.is_guest)";

inline constexpr std::string_view is_expired =
  "coalesce(session_expires_at(s.created_at, a.is_guest) <= clock_timestamp(), false)";

/// Active, and not expired. Both are judged apart where something is to end: what has expired may be revoked
/// still.
inline constexpr std::string_view is_alive =
  "(s.revoked_at is null and s.generation = a.session_generation"
  " and coalesce(session_expires_at(s.created_at, a.is_guest) > clock_timestamp(), true))";

/// What `read_session` reads, over the same. A session that ended with all of its account's has no time of its
/// own.
inline constexpr std::string_view session_columns =
  "s.session_id, s.account_id, a.is_guest, s.created_at, coalesce(s.device_label, ''), coalesce(s.user_agent, ''),"
  " coalesce(host(s.ip), ''),"
  " coalesce(s.revoked_at, case when s.generation <> a.session_generation then coalesce((select min(e.ended_at)"
  " from ended_generations e where e.account_id = s.account_id and e.generation >= s.generation), a.updated_at) "
  "end),"
  " coalesce(s.revoke_reason, ''), session_expires_at(s.created_at, a.is_guest),"
  " (s.revoked_at is null and s.generation = a.session_generation"
  " and coalesce(session_expires_at(s.created_at, a.is_guest) > clock_timestamp(), true))";

/// What `read_account` reads, over `accounts a` and `identities_of_account`.
inline constexpr std::string_view account_columns =
  "a.account_id, a.is_guest, a.display_name, a.created_at, i.kinds, i.external_ids, i.times";

inline constexpr std::string_view identities_of_account =
  " left join lateral (select array_agg(kind order by created_at, identity_id) as kinds,"
  " array_agg(external_id order by created_at, identity_id) as external_ids,"
  " array_agg(created_at order by created_at, identity_id) as times"
  " from identities where account_id = a.account_id) i on true ";

} // namespace portcullis::db::sql
