#pragma once

#include "core/model.hpp"
#include "db/row.hpp"
#include "db/statements.hpp"

#include <cstdint>
#include <functional>

/// From rows to the nouns of the domain.
namespace portcullis::db {

/// `sql::session_columns`.
session read_session(row& from);

/// `sql::account_columns`.
account read_account(row& from);

/// seq, kind, session_id, account_id, generation, reason, actor, occurred_at.
revocation_event read_event(row& from);

/// Two bigints; an epoch is 64 bits without a sign.
cursor read_cursor(row& from);

/// Calls `take(i, row)` for each row, `i` being the index of the operation that its first column names (counted
/// from 1, as `with ordinality` does).
template <class Take>
void for_each_answer(result_set& rows, std::size_t operations, Take take) {
  for (int i = 0; i < rows.size(); ++i) {
    auto one = rows[i];
    auto ordinal = one.next<std::int64_t>();
    if (ordinal < 1 || static_cast<std::size_t>(ordinal) > operations)
      rows.mark_malformed();
    else
      take(static_cast<std::size_t>(ordinal) - 1, one);
  }
}

inline maybe_outcome refusal(errc code, const char* detail) {
  return outcome{failure{code, detail}};
}

inline constexpr const char* no_such_account = "there is no such account";
inline constexpr const char* no_such_session = "there is no such session";

} // namespace portcullis::db
