#pragma once

#include "core/operations.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace portcullis::db {

using namespace store; // the operations are what this layer is asked

/// A transaction that the server refused, for the log. Holds no value of any operation.
struct refusal_note {
  std::string statement;
  std::string sqlstate;
  errc code = errc::none; // what its operations are told if it is refused for good
};

/// What became of a batch.
struct batch_report {
  /// One outcome per operation, in the batch's order. Empty slots do not exist: an operation whose outcome
  /// was lost with the connection holds `failure{errc::database_unavailable}` and is listed in `lost`.
  std::vector<outcome> outcomes;

  /// Indexes of the operations whose outcome is not known (the connection broke or the deadline passed
  /// before their commit was confirmed). Each may be run again.
  std::vector<std::size_t> lost;

  /// Indexes of the operations that were not done because somebody else holds a lock that they need. Their outcome
  /// is a failure; they may be run again when the lock is free.
  std::vector<std::size_t> blocked;

  /// True if the connection cannot be used any more (it is closed): the caller reconnects.
  bool connection_lost = false;

  /// For the log, empty when nothing went wrong: the first refusal's statement and SQLSTATE, or how the connection
  /// was lost. Holds no value of any operation.
  std::string error;

  /// All refusals, for the same.
  std::vector<refusal_note> refusals;
};

/// The outcome of the operation at `index` of a batch.
struct settled {
  std::size_t index = 0;
  outcome value;
};

struct execute_options {
  /// Operations that need the same locks share a transaction, others do not: for those that are known to be
  /// blocked.
  bool by_contention = false;

  /// Called with outcomes as soon as they are known, while others are not yet; they are moved out of the report.
  std::function<void(std::vector<settled>&&)> on_settled;
};

/// Runs a batch in one round trip if nothing fails: operations of one kind become a few set-based statements in
/// one transaction, each kind behind its own sync, so that an error in one leaves the others alone. A kind that
/// fails for bad data or for a lock that somebody holds is run again in parts, so that one bad or blocked
/// operation fails alone. Returns when all is committed or `deadline` has passed. Never throws on database errors.
batch_report execute(connection& conn, const std::vector<operation>& batch, instant deadline,
                     const execute_options& options = {});

/// What an operation needs locked, as far as it can be told beforehand: operations of one account or of one
/// identity have the same. Empty: not known.
std::string contention_key(const operation& op);

} // namespace portcullis::db
