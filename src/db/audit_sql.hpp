#pragma once

#include "core/audit.hpp"
#include "db/params.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// How a transaction writes the audit.
///
/// An entry is made of a row that the same statement has changed: an operation that is run again after its outcome
/// was lost changes nothing the second time, and so adds nothing. Where the log's lock is taken the audit is
/// written before it (`before_log_lock`), so that nobody waits for it.
namespace portcullis::db::sql {

/// The arrays that `add_origins` adds, from parameter `$first` on, for `unnest`.
std::string origin_arrays(int first);
inline constexpr int origin_array_count = 7;

/// The columns of those, one row for each operation.
inline constexpr std::string_view origin_columns =
  "o_actor, o_caller, o_user, o_request, o_trace, o_address, o_reason";

/// On whom, as expressions over the source of the rows.
struct audit_subject {
  std::string_view account_id = "null";
  std::string_view session_id = "null";
  std::string_view game_id = "null";
};

/// `insert into audit_events … select … from <source>`, whose rows have `origin_columns`.
std::string insert_audit(audit_action action, const audit_subject& subject, std::string_view source);

/// The same, the action being an expression over the source too.
std::string insert_audit(std::string_view action, const audit_subject& subject, std::string_view source);

/// Ends the CTE `audited`, which is made of the CTE `gone`, and begins `ended`: the same rows, which are there
/// once the entries are. `log_lock` counts `ended`.
std::string before_log_lock(std::string_view gone);

} // namespace portcullis::db::sql

namespace portcullis::db {

/// Adds where each operation comes from and why it is done.
void add_origins(parameters& p, const std::vector<const audit_origin*>& origins,
                 const std::vector<std::string_view>& reasons);

template <class Op, class = void>
struct has_cause : std::false_type {};
template <class Op>
struct has_cause<Op, std::void_t<decltype(std::declval<const Op&>().cause)>> : std::true_type {};

template <class Op>
void add_origins(parameters& p, const std::vector<const Op*>& ops) {
  std::vector<const audit_origin*> origins;
  std::vector<std::string_view> reasons(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    origins.push_back(&ops[i]->origin);
    if constexpr (has_cause<Op>::value)
      reasons[i] = ops[i]->cause.reason;
  }
  add_origins(p, origins, reasons);
}

} // namespace portcullis::db
