#include "db/advisory_locks.hpp"
#include "db/model_rows.hpp"
#include "db/statements.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

/// Canaries. What each stage does stands in migrations/00013_canary.sql.
namespace portcullis::db {

namespace {

const statement step{"canary_step",
                     "select epoch, seq from canary_step($1::text, $2::uuid, ($3::bytea[])[1],"
                     " ($4::text[])[1]::timestamptz, $5::bigint)",
                     true};

std::string_view name_of(canary_step::stage what) {
  switch (what) {
  case canary_step::stage::mint:
    return "mint";
  case canary_step::stage::revoke:
    return "revoke";
  case canary_step::stage::acknowledge:
    break;
  }
  return "acknowledge";
}

parameters parameters_of(const canary_step& op) {
  std::optional<std::string> at;
  if (op.what == canary_step::stage::acknowledge)
    at = to_rfc3339(op.acknowledged_at);
  parameters p;
  p.add(name_of(op.what)).add(op.session_id);
  p.add_each(std::array{op.hash}, [](const token_hash& hash) { return hash; });
  p.add_each(std::array{at}, [](const std::optional<std::string>& text) { return text; });
  p.add(revocation_log_lock);
  return p;
}

} // namespace

transaction build_statements(const group<canary_step>& ops) {
  transaction out;
  for (const auto* op : ops)
    out.push_back({&step, parameters_of(*op)});
  return out;
}

maybe_outcomes decode_results(std::vector<result_set>& results, const group<canary_step>& ops) {
  maybe_outcomes out;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    auto from = results[i][0];
    out.emplace_back(outcome{canary_step::result{read_cursor(from)}});
  }
  return out;
}

} // namespace portcullis::db
