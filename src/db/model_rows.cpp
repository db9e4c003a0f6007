#include "db/model_rows.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace portcullis::db {

session read_session(row& from) {
  session out;
  out.session_id = from.next<uuid>();
  out.account_id = from.next<uuid>();
  out.is_guest = from.next<bool>();
  out.created_at = from.next<timestamp>();
  out.device.label = from.next<std::string>();
  out.device.user_agent = from.next<std::string>();
  out.device.ip = from.next<std::string>();
  out.revoked_at = from.next<std::optional<timestamp>>();
  out.revoke_reason = from.next<std::string>();
  out.expires_at = from.next<std::optional<timestamp>>();
  out.is_active = from.next<bool>();
  return out;
}

account read_account(row& from) {
  account out;
  out.account_id = from.next<uuid>();
  out.is_guest = from.next<bool>();
  out.display_name = from.next<std::optional<std::string>>();
  out.created_at = from.next<timestamp>();
  auto kinds = from.next<std::optional<std::vector<std::string>>>();
  auto external_ids = from.next<std::optional<std::vector<std::string>>>();
  auto times = from.next<std::optional<std::vector<timestamp>>>();
  if (!kinds || !external_ids || !times)
    return out; // nobody has claimed it: a guest
  for (std::size_t i = 0; i < kinds->size() && i < external_ids->size() && i < times->size(); ++i)
    if (auto kind = parse_identity_kind((*kinds)[i]))
      out.identities.push_back({{*kind, std::move((*external_ids)[i])}, (*times)[i]});
  return out;
}

revocation_event read_event(row& from) {
  revocation_event out;
  out.seq = static_cast<std::uint64_t>(from.next<std::int64_t>());
  out.kind = from.next<std::string>() == "account" ? revocation_kind::account : revocation_kind::session;
  out.session_id = from.next<std::optional<uuid>>().value_or(uuid{});
  out.account_id = from.next<uuid>();
  out.generation = from.next<std::int32_t>();
  out.reason = from.next<std::string>();
  out.actor = from.next<std::string>();
  out.occurred_at = from.next<timestamp>();
  return out;
}

cursor read_cursor(row& from) {
  cursor out;
  out.epoch = static_cast<std::uint64_t>(from.next<std::int64_t>());
  out.seq = static_cast<std::uint64_t>(from.next<std::int64_t>());
  return out;
}

} // namespace portcullis::db
