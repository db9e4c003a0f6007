#pragma once

#include "core/time.hpp"
#include "db/connection.hpp"
#include "db/params.hpp"
#include "db/row.hpp"

#include <functional>
#include <string>
#include <vector>

/// libpq's pipeline mode, as one function: transactions in, what became of each out.
namespace portcullis::db {

/// A statement that is prepared under its name, once per connection, when it is first used.
struct statement {
  const char* name;
  std::string sql;
  /// It takes the lock of the revocation log, and with it everybody's, to the end of its transaction. What comes
  /// before it is sent first; it and the end of its transaction go out together, so that a client that is frozen
  /// at any moment leaves the server with a transaction that it can end.
  bool takes_log_lock = false;
};

struct call {
  const statement* what;
  parameters arguments;
};

/// Statements that commit together. There is no BEGIN and no COMMIT: a series of extended-protocol messages up to
/// a Sync is one transaction (PostgreSQL documentation, "Pipelining"), and Sync also rolls back what failed, where
/// an explicit block would stay open in its failed state. Each statement has a snapshot of its own.
using transaction = std::vector<call>;

struct transaction_report {
  enum class state {
    lost,      ///< not known: the connection was lost, or the deadline passed
    failed,    ///< rolled back; `sqlstate` says why
    committed, ///< durable: the server has answered the Sync, which it does after the commit
  };
  state what = state::lost;
  std::vector<result_set> results; // one per call, when committed
  std::string sqlstate;
  const char* refused = ""; // the name of the statement that failed
};

/// Sends all transactions at once and reads while it writes, until all are done or `deadline` has passed. Calls
/// `done` for each that has committed or failed as soon as that is known, in their order, with its position.
///
/// Returns how many are done. On anything out of order the connection is closed, and `*error` says why; the rest
/// is lost. What a server says that takes no more writes is not believed: a transaction counts as done only if the
/// server still was a primary when it said so.
using transaction_done = std::function<void(std::size_t, transaction_report&&)>;
std::size_t run_pipeline(connection& conn, const std::vector<transaction>& transactions, instant deadline,
                         const transaction_done& done, std::string* error);

/// The same for one transaction.
transaction_report run_transaction(connection& conn, const transaction& one, instant deadline, std::string* error);

} // namespace portcullis::db
