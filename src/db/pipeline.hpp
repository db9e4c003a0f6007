#pragma once

#include "core/time.hpp"
#include "db/connection.hpp"
#include "db/params.hpp"
#include "db/row.hpp"

#include <string>
#include <vector>

/// libpq's pipeline mode, as one function: transactions in, what became of each out.
namespace portcullis::db {

/// A statement that is prepared under its name, once per connection, when it is first used.
struct statement {
  const char* name;
  std::string sql;
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

/// Sends all transactions at once and reads while it writes, until all are done or `deadline` has passed. On
/// anything out of order the connection is closed, and `*trouble` says why; what was committed until then is
/// reported as such. From a server that takes no more writes nothing is believed: all is lost.
std::vector<transaction_report> run_pipeline(connection& conn, const std::vector<transaction>& transactions,
                                             instant deadline, std::string* trouble);

} // namespace portcullis::db
