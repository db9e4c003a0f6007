#pragma once

#include "core/time.hpp"
#include "db/connection.hpp"
#include "db/params.hpp"
#include "db/row.hpp"

#include <optional>
#include <string>

/// Talking to the server outside of pipeline mode, always non-blocking and within a deadline.
namespace portcullis::db {

enum class interest { read, write, read_or_write };

/// Waits until the socket is ready for what is asked (or broken). False when `deadline` has passed before.
bool wait_for_socket(int socket, interest what, instant deadline);

/// What the server said to one call: the rows, or why there are none.
struct answer {
  std::optional<result_set> rows;
  std::string sqlstate; // of a refusal; empty when the connection was lost or the deadline passed
  std::string error;    // for the log, one line

  bool ok() const noexcept {
    return rows.has_value();
  }
};

/// Runs one statement with parameters; the rows come in binary format. Closes the connection when it was lost, the
/// deadline passed or the server takes no writes.
answer ask(connection& conn, const std::string& sql, const parameters& arguments, instant deadline);

/// Runs a script of any number of statements without parameters; the last one's rows, in text format, are there to
/// be counted only.
answer run_script(connection& conn, const std::string& sql, instant deadline);

/// The next result of the query that runs; null when it has none left. Sets `*lost` when the connection was lost
/// or the deadline passed.
result_ptr next_result(connection& conn, instant deadline, bool* lost);

/// Why an answer is not believed: see `connection::check_primary`.
inline constexpr auto no_primary = "the server takes no writes";

/// libpq's last message for this connection, its first line.
std::string first_line(const char* message);

} // namespace portcullis::db
