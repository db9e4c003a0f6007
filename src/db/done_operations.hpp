#pragma once

#include "db/sql.hpp"

#include <string>
#include <string_view>

/// How operations that write no revocation event find what a run of theirs did whose outcome was lost.
namespace portcullis::db::sql {

/// From `done`: the operations that this statement has done. They are looked for within seconds, if at all.
inline constexpr std::string_view record_done =
  ", forgotten as (delete from done_operations where operation_id in (select operation_id from done_operations"
  " order by operation_id limit 8 for update skip locked) and done_at < now() - interval '1 hour')"
  " insert into done_operations (operation_id) select operation_id from done returning operation_id";

inline std::string is_done(std::string_view operation_id) {
  return join({"exists (select from done_operations o where o.operation_id = ", operation_id, ")"});
}

} // namespace portcullis::db::sql
