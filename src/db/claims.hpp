#pragma once

#include "core/operations.hpp"
#include "db/pipeline.hpp"

#include <vector>

/// Making accounts, for those that only make them and for those that mint a session with them.
namespace portcullis::db {

using namespace store; // the operations are what this layer is asked

/// A claim and who makes it.
struct identity_claimant {
  const identity_claim* claim;
  const audit_origin* origin;
};

template <class Op>
std::vector<identity_claimant> claims_of(const std::vector<const Op*>& ops) {
  std::vector<identity_claimant> out;
  for (const auto* op : ops)
    out.push_back({&op->claim, &op->origin});
  return out;
}

/// Inserts each identity that nobody holds yet, and its account. Which account holds it in the end is for the next
/// statement to see.
///
/// The identity goes first and decides who wins a race: the loser waits on the unique index for the winner's
/// commit and then inserts nothing, so it leaves no orphan account either (the foreign key is checked when the
/// statement is through). The loser cannot see the winner's row by this statement's snapshot, hence a second
/// statement, with a snapshot of its own. Rows go in in the order of their keys, so that two batches with the same
/// identities wait for each other one way round only.
call claim_identities(const std::vector<identity_claimant>& claims);

/// ordinal, `sql::account_columns`, of the accounts with these ids (one array of uuid).
call select_accounts_by_id(parameters ids);

/// ordinal, `sql::account_columns`, of the accounts that hold these identities.
call select_accounts_by_identity(const std::vector<const identity_key*>& keys);

} // namespace portcullis::db
