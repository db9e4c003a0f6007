#pragma once

#include "core/operations.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace portcullis::db {

using namespace store; // the operations are what this layer is asked

/// What became of a batch.
struct batch_report {
  /// One outcome per operation, in the batch's order. Empty slots do not exist: an operation whose outcome
  /// was lost with the connection holds `failure{errc::database_unavailable}` and is listed in `lost`.
  std::vector<outcome> outcomes;

  /// Indexes of the operations whose outcome is not known (the connection broke or the deadline passed
  /// before their commit was confirmed). Each may be run again.
  std::vector<std::size_t> lost;

  /// True if the connection cannot be used any more (it is closed): the caller reconnects.
  bool connection_lost = false;

  /// For the log, empty when nothing went wrong: the first refusal's statement and SQLSTATE, or how the connection
  /// was lost. Holds no value of any operation.
  std::string trouble;
};

/// Runs a batch in one round trip: operations of one kind become one set-based statement in one
/// transaction, each kind behind its own sync, so that an error in one leaves the others alone. A kind
/// that fails for bad data is run again one operation at a time, so that one bad operation fails alone. Returns
/// when all is committed or `deadline` has passed. Never throws on database errors.
batch_report execute(connection& conn, const std::vector<operation>& batch, instant deadline);

} // namespace portcullis::db
