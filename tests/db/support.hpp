#pragma once

#include "core/model.hpp"
#include "core/operations.hpp"
#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"
#include "db/connection.hpp"
#include "db/exchange.hpp"
#include "db/executor.hpp"
#include "db/migrations.hpp"
#include "db/params.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Live PostgreSQL for tests. Everything here throws when the database does not do what it must: a test without
/// one fails.
namespace portcullis::test {

/// Longer than anything takes unless it hangs.
inline constexpr std::chrono::seconds patience{60};

instant soon();

/// Calls `attempt` with a deadline that is near, then with later and later ones, until it returns true: on a
/// machine that stands still, any time may pass before anything is done. False when none was late enough.
bool with_growing_time(const std::function<bool(instant)>& attempt);

/// Runs `scripts/private-postgres <command> <directory> [<primary>]`; returns what it printed.
std::string private_postgres(const std::string& command, const std::string& directory,
                             const std::string& primary = {});

/// The DSN of PORTCULLIS_TEST_DSN or, when that is not set, of the cluster that the test run has in the build
/// directory.
std::string cluster_dsn();

/// A database of the suite's own, made empty and dropped at the end.
class database {
public:
  explicit database(const std::string& suite, const std::string& dsn = cluster_dsn());
  ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  db::connect_options options(std::chrono::milliseconds operation_timeout = patience) const;
  db::connection connect(std::chrono::milliseconds operation_timeout = patience) const;

private:
  std::string cluster_;
  std::string name_;
};

/// `database` with the service's schema.
class migrated_database : public database {
public:
  explicit migrated_database(const std::string& suite, const std::string& dsn = cluster_dsn());
};

/// The first column of the first row, which must be there.
std::int64_t number(db::connection& conn, const std::string& sql, const db::parameters& arguments = {});

/// Runs a script that must succeed.
void run(db::connection& conn, const std::string& script);

uuid new_id();
token_hash new_hash();
store::session_draft new_draft(const std::string& label = "test");
store::identity_claim new_claim(const std::string& external_id,
                                std::optional<std::string> display_name = std::nullopt);

/// Runs one operation, whose outcome must be known.
store::outcome run_one(db::connection& conn, store::operation op);

/// Runs one operation, which must succeed.
template <class Op>
typename Op::result must(db::connection& conn, Op op) {
  return std::get<typename Op::result>(run_one(conn, std::move(op)));
}

/// The code of an outcome that is a failure; `none` for a success.
errc code_of(const store::outcome& value);

/// Waits until `backends` sessions of this database wait for a lock, as seen from `conn`.
void wait_until_blocked(db::connection& conn, int backends);

/// Has the server put into the statistics what this connection has counted. By itself it does so at times: with
/// the end of a statement that comes a second after the last report, and when the connection has ended.
void report_statistics(db::connection& conn);

/// A new seed on each run; PORTCULLIS_TEST_SEED repeats one. Prints the one that it returns.
unsigned random_seed();

uuid new_account(db::connection& conn);
store::minted new_session(db::connection& conn, const uuid& account_id);
session_status status_of(db::connection& conn, const token_hash& hash);
void seat(db::connection& conn, const uuid& account_id);

} // namespace portcullis::test
