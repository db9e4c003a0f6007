#include "ctl/doctor.hpp"

#include "core/environment.hpp"
#include "db/connection.hpp"
#include "db/exchange.hpp"
#include "db/migrations.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace portcullis::ctl {

namespace {

constexpr std::chrono::seconds patience{10};

instant soon() {
  return boot_clock::now() + patience;
}

/// The DSN of the environment, as the service reads it: itself, or the file that holds it.
std::string given_dsn() {
  if (const auto dsn = environment_variable("BACKEND_POSTGRES_DSN"); !dsn.empty())
    return std::string{dsn};
  const auto path = environment_variable("BACKEND_POSTGRES_DSN_FILE");
  if (path.empty())
    return {};
  std::ifstream file{std::string{path}};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// One row of one statement, or a finding.
class question {
public:
  question(db::connection& conn, const char* check, const std::string& sql, findings& to)
    : answer_(db::ask(conn, sql, {}, soon())) {
    if (!is_answered())
      to.push_back({health::bad, check, answer_.error.empty() ? "no answer" : answer_.error,
                    "does the role of the DSN have the service's privileges?"});
  }

  bool is_answered() const {
    return answer_.ok() && answer_.rows->size() == 1;
  }
  db::row row() {
    return (*answer_.rows)[0];
  }

private:
  db::answer answer_;
};

void check_durability(db::connection& conn, findings& to) {
  question asked{conn, "durability",
                 "select current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on'", to};
  if (!asked.is_answered())
    return;
  auto said = asked.row();
  const auto syncs = said.next<bool>();
  const auto writes_pages = said.next<bool>();
  if (!syncs || !writes_pages)
    to.push_back({health::bad, "durability", "fsync or full_page_writes is off",
                  "turn both on: what was acknowledged is lost in a crash"});
  else
    to.push_back(
      {health::good, "durability", "fsync is on, and the service's connections pin synchronous_commit", ""});
}

void check_privileges(db::connection& conn, findings& to) {
  question schema{conn, "schema", "select to_regclass('backend.schema_migrations') is not null", to};
  if (!schema.is_answered())
    return;
  if (!schema.row().next<bool>()) {
    to.push_back({health::bad, "schema", "is not there", "run `portcullis migrate`, or start the service once"});
    return;
  }
  question applied{conn, "schema", "select count(*) from backend.schema_migrations", to};
  if (!applied.is_answered())
    return;
  const auto here = static_cast<std::int64_t>(db::embedded_migrations().size());
  const auto there = applied.row().next<std::int64_t>();
  const auto sentence =
    std::to_string(there) + " migrations are applied, this program has " + std::to_string(here);
  if (there < here)
    to.push_back({health::doubtful, "schema", sentence, "run `portcullis migrate`"});
  else if (there > here)
    to.push_back({health::doubtful, "schema", sentence, "a newer service has been here: use its program"});
  else
    to.push_back({health::good, "schema", sentence, ""});
  question each{
    conn, "privileges",
    "select count(*) from pg_tables, unnest(array['select', 'insert', 'update', 'delete']) as p(privilege)"
    " where schemaname = 'backend' and tablename <> 'schema_migrations' and not has_table_privilege("
    "quote_ident(schemaname) || '.' || quote_ident(tablename), p.privilege)",
    to};
  if (!each.is_answered())
    return;
  if (const auto missing = each.row().next<std::int64_t>(); missing > 0)
    to.push_back({health::bad, "privileges", std::to_string(missing) + " privileges on tables are missing",
                  "grant select, insert, update, delete on all tables in schema backend; docs/operations.md"});
  else
    to.push_back({health::good, "privileges", "the role may do what the service does", ""});
}

void check_database_clock(db::connection& conn, findings& to) {
  question asked{conn, "database-clock", "select clock_timestamp()", to};
  if (!asked.is_answered())
    return;
  const auto apart = wall_clock_now() - asked.row().next<timestamp>();
  const auto seconds = std::abs(std::chrono::duration_cast<std::chrono::seconds>(apart).count());
  const auto sentence = "the database's clock and this one are " + std::to_string(seconds) + " s apart";
  if (seconds <= clock_difference_s_max)
    to.push_back({health::good, "database-clock", sentence, ""});
  else
    to.push_back({health::doubtful, "database-clock", sentence, "synchronize both (chrony, systemd-timesyncd)"});
}

void check_connection_limit(db::connection& conn, findings& to) {
  constexpr std::int64_t pool_default = 25;
  const std::string text{environment_variable("BACKEND_POSTGRES_MAX_OPEN_CONNS")};
  const auto pool = !text.empty() ? std::strtoll(text.c_str(), nullptr, 10) : pool_default;
  question asked{conn, "connections",
                 "select current_setting('max_connections')::bigint"
                 " - current_setting('superuser_reserved_connections')::bigint",
                 to};
  if (!asked.is_answered())
    return;
  const auto most = asked.row().next<std::int64_t>();
  const auto sentence = "the server takes " + std::to_string(most) + ", a replica of the service opens up to "
                        + std::to_string(pool + 1);
  if (pool + 1 > most)
    to.push_back(
      {health::bad, "connections", sentence, "raise max_connections, or lower BACKEND_POSTGRES_MAX_OPEN_CONNS"});
  else if (2 * (pool + 1) > most)
    to.push_back(
      {health::doubtful, "connections", sentence, "a second replica does not fit: raise max_connections"});
  else
    to.push_back({health::good, "connections", sentence, ""});
}

} // namespace

void check_database(findings& to) {
  const auto dsn = given_dsn();
  if (dsn.empty()) {
    to.push_back({health::skipped, "database", "BACKEND_POSTGRES_DSN is not set here", ""});
    return;
  }
  auto conninfo = db::parse_dsn(dsn);
  if (!conninfo) {
    to.push_back({health::bad, "dsn", conninfo.error().detail, "correct BACKEND_POSTGRES_DSN"});
    return;
  }
  to.push_back({health::good, "dsn", db::mask_dsn(dsn), ""});
  db::connect_options options;
  options.conninfo = *std::move(conninfo);
  options.application_name = "portcullis ctl";
  db::connection conn;
  // It refuses a pooler that pools transactions, settings that do not arrive, a standby, an encoding that is not
  // UTF-8, an old server.
  if (const auto why = conn.open(options, soon()); why.code != errc::none) {
    to.push_back({health::bad, "database", why.detail, "the service would not start with it either"});
    return;
  }
  to.push_back({health::good, "database", "takes writes, and no pooler is in the way", ""});
  check_durability(conn, to);
  check_privileges(conn, to);
  check_database_clock(conn, to);
  check_connection_limit(conn, to);
}

} // namespace portcullis::ctl
