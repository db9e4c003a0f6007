#pragma once

#include "core/error.hpp"
#include "core/result.hpp"
#include "core/session_policy.hpp"
#include "core/time.hpp"
#include "db/timelines.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

struct pg_conn;

namespace portcullis::db {

/// How the service reaches PostgreSQL, ready for libpq: see `parse_dsn`.
struct connect_options {
  std::string conninfo; // key=value form; holds the password: never logged
  std::chrono::milliseconds operation_timeout{5000};
  /// How long a statement waits for a lock; 0: half of the operation time-out, so that what is blocked fails in
  /// time for others on the same connection to be answered.
  std::chrono::milliseconds lock_timeout{0};
  std::string application_name = "portcullis";
  session_policy policy; // told to the session, where SQL reads it
  /// Shared by all connections of the process; without it a server's timeline does not matter.
  std::shared_ptr<timelines> met;
  /// Called, on the thread that connects, when a server has no connection left to give.
  std::function<void()> on_full;
};

/// Checks a DSN in libpq's URL or key=value form and turns it into `connect_options::conninfo`. The URL parameter
/// `search_path=backend` (pgx's form, which libpq refuses) is accepted and carried over as
/// `options=-csearch_path=backend`. The DSN must pin `search_path=backend` one way or the other. On failure: one
/// sentence that never repeats the password.
/// White space at the ends is dropped: secrets that come from files end in a newline.
result<std::string> parse_dsn(std::string_view dsn);

/// The DSN with its password replaced by `***`, for `check-config` and logs.
std::string mask_dsn(std::string_view dsn);

/// One libpq connection in non-blocking mode. Owns the PGconn. Not thread-safe.
class connection {
public:
  connection() = default;
  ~connection();
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;

  /// Connects within `deadline` (every host of the DSN in turn, each with its share of the time that is left; one
  /// that takes no writes, or is of an older timeline than one that was met, is refused), with the session's
  /// settings (isolation, time zone, time-outs, planner) in the startup packet, pins durability, and checks that
  /// all of it holds and that the session is one backend's for as long as it lasts. On failure:
  /// `database_unavailable` with a sentence for the log. Resolving a host's name blocks, as libpq does it: name
  /// hosts by address where the resolver cannot be trusted.
  failure open(const connect_options& options, instant deadline);

  /// Whether the last `open` failed for a reason that does not pass by itself, at every host: authentication, an
  /// unknown database, a server or a database that cannot keep what the service promises, a pooler in between.
  bool is_refused_for_good() const noexcept {
    return is_refused_for_good_;
  }

  /// Whether the last `open` failed because a server had no connection left: for the role, the database or anyone.
  bool is_full() const noexcept {
    return is_full_;
  }

  bool is_open() const noexcept;
  void close() noexcept;

  /// Whether an idle connection still has its server at the other end, as far as the socket tells, and that is
  /// still a primary; closes it if not. Costs a poll(2).
  bool check_alive() noexcept;

  /// Whether the server still took writes when it gave its last answer, and no successor of it was met meanwhile;
  /// closes the connection if not. Costs nothing: since PostgreSQL 14 a server reports `in_hot_standby` and
  /// `default_transaction_read_only` by itself, at the latest before it says that it is ready for more. To be
  /// asked before an answer is believed, reads included: a primary can be demoted under connections that stand,
  /// and then it knows nothing of what its successor commits.
  bool check_primary() noexcept;

  /// When the connection was made, for the life time bound.
  instant opened_at() const noexcept;

  /// The socket, for poll(2); -1 when closed.
  int socket() const noexcept;

  pg_conn* native() const noexcept;

  /// Which named statements the server holds for this connection. `name` must have static storage.
  bool is_prepared(std::string_view name) const;
  void mark_prepared(std::string_view name);

private:
  using parameter_list = std::vector<std::pair<std::string, std::string>>;

  /// Empty, or why this one host would not do; then `is_refused_for_good_` tells of this host.
  std::string open_one(const parameter_list& parameters, instant deadline);
  std::string connect(const parameter_list& parameters, instant deadline);
  std::string check_server(const parameter_list& parameters, instant deadline);
  std::string check_session(const parameter_list& parameters, int backend, instant deadline);
  std::string probe(connection& second, int backend, instant deadline);
  std::string verify(int backend, instant deadline);
  void ask_to_hold();
  std::optional<int> backend_held(instant deadline);
  std::string refuse_for_good(std::string why);

  std::unique_ptr<pg_conn, void (*)(pg_conn*)> conn_{nullptr, nullptr};
  instant opened_at_{};
  std::shared_ptr<timelines> met_;
  server_history server_;
  std::chrono::milliseconds operation_timeout_{0};
  bool is_refused_for_good_ = false;
  bool is_full_ = false;
  std::unordered_set<std::string_view> prepared_;
};

} // namespace portcullis::db
