#include "caf/test/unit_test.hpp"

#include "db/dsn.hpp"
#include "db/revocation_log.hpp"
#include "db/support.hpp"

#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

using raw_connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using raw_result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

void run_raw(PGconn* conn, const char* sql) {
  raw_result done{PQexec(conn, sql), PQclear};
  auto status = PQresultStatus(done.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(conn));
}

/// A primary and its standby, of this suite's own, and a database that the service reaches on both.
struct fixture {
  const std::string primary = PORTCULLIS_FAILOVER_CLUSTERS "/primary";
  const std::string standby = PORTCULLIS_FAILOVER_CLUSTERS "/standby";
  std::unique_ptr<migrated_database> store;
  db::connect_options both;
  db::connect_options second; // the standby's server alone

  fixture() {
    remove();
    store = std::make_unique<migrated_database>("failover", private_postgres("start", primary));
    auto other = db::parse_dsn(private_postgres("standby", standby, primary));
    auto there = db::parse_conninfo(*other).value();
    both = second = store->options();
    auto here = db::parse_conninfo(both.conninfo).value();
    auto list = here;
    for (auto key : {"host", "port"}) {
      db::set_parameter(list, key, *db::find_parameter(here, key) + "," + *db::find_parameter(there, key));
      db::set_parameter(here, key, *db::find_parameter(there, key));
    }
    both.conninfo = db::to_conninfo(list);
    second.conninfo = db::to_conninfo(here);
  }

  ~fixture() {
    store.reset();
    remove();
  }

  void remove() {
    private_postgres("remove", standby);
    private_postgres("remove", primary);
  }

  // As an operator does it; `db::connection` would not speak to a server that takes no writes.
  void set_read_only(bool is_on) {
    raw_connection admin{PQconnectdb(store->options().conninfo.c_str()), PQfinish};
    run_raw(admin.get(), is_on ? "alter system set default_transaction_read_only = on"
                               : "alter system reset default_transaction_read_only");
    run_raw(admin.get(), "select pg_reload_conf()");
  }

  db::connection connect() const {
    db::connection conn;
    if (auto error = conn.open(both, soon()); error.code != errc::none)
      throw std::runtime_error(error.detail);
    return conn;
  }
};

/// Calls `step` until it returns false: a server takes a while to hear of its new settings.
template <class Step>
bool ends(Step step) {
  for (auto deadline = soon(); boot_clock::now() < deadline;)
    if (!step())
      return true;
  return false;
}

std::string port_of(db::connection& conn) {
  auto said = db::ask(conn, "select current_setting('port')", {}, soon());
  return said.ok() ? (*said.rows)[0].next<std::string>() : said.error;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(failover_tests, fixture)

CAF_TEST(a primary that is demoted under standing connections is believed no more) {
  auto conn = connect();
  auto owner = new_account(conn);
  auto asking = connect();
  auto reading = connect();
  auto scripting = connect();
  set_read_only(true);

  // The server may hear of it between two transactions of a batch: the first one is believed then.
  CAF_CHECK(ends([&] {
    auto report = db::execute(conn, {store::ping{}, store::mint_session{new_draft(), owner}}, soon());
    CAF_CHECK_EQUAL(report.connection_lost, !report.lost.empty());
    if (report.connection_lost)
      CAF_CHECK_EQUAL(report.lost.back(), 1u);
    return !report.connection_lost;
  }));
  CAF_CHECK(ends([&] { return !db::execute(reading, {store::ping{}}, soon()).connection_lost; }));
  CAF_CHECK(ends([&] { return db::ask(asking, "select true", {}, soon()).ok(); }));
  CAF_CHECK(ends([&] { return db::run_script(scripting, "select true", soon()).ok(); }));
  for (const auto* each : {&conn, &asking, &reading, &scripting})
    CAF_CHECK(!each->is_open());
  CAF_CHECK(conn.open(both, soon()).code == errc::database_unavailable); // the standby is none yet

  set_read_only(false);
  CAF_CHECK(ends([&] { return conn.open(both, soon()).code != errc::none; }));
  CAF_CHECK(code_of(run_one(conn, store::mint_session{new_draft(), owner})) == errc::none);
}

CAF_TEST(what a batch has read is lost with what it could not write) {
  auto other = connect();
  auto owner = new_account(other);
  auto conn = connect();
  run_raw(conn.native(), "set default_transaction_read_only = on");
  auto report = db::execute(conn, {store::ping{}, store::mint_session{new_draft(), owner}}, soon());
  CAF_CHECK(report.connection_lost);
  CAF_CHECK((report.lost == std::vector<std::size_t>{0, 1}));
}

CAF_TEST(an idle connection knows what its server has said last) {
  auto conn = connect();
  CAF_CHECK(conn.check_alive());
  run_raw(conn.native(), "set default_transaction_read_only = on");
  CAF_CHECK(!conn.check_alive());
  CAF_CHECK(!conn.is_open());
}

CAF_TEST(a log on a demoted primary is read no more and its successor has another history) {
  auto conn = connect();
  auto before = port_of(conn);
  auto live = new_session(conn, new_account(conn));
  db::revocation_log log;
  cursor position;
  log_page page;
  CAF_REQUIRE_EQUAL(log.open(both, soon()).detail, "");
  CAF_REQUIRE_EQUAL(log.position(&position, soon()).detail, "");
  must(conn, store::revoke_session{live.session.session_id, {}, {"test", "user"}});
  CAF_REQUIRE_EQUAL(log.read(position, 10, &page, soon()).detail, "");
  CAF_CHECK_EQUAL(page.events.size(), 1u);

  set_read_only(true);
  CAF_CHECK(ends([&] { return log.read(position, 10, &page, soon()).code == errc::none; }));
  CAF_CHECK(!log.is_open());
  CAF_CHECK(log.open(both, soon()).code == errc::database_unavailable);

  // Both servers are up, and the one that was the primary comes first in the list.
  private_postgres("promote", standby);
  CAF_REQUIRE_EQUAL(log.open(both, soon()).detail, "");
  CAF_REQUIRE_EQUAL(log.read(position, 10, &page, soon()).detail, "");
  CAF_CHECK(page.reset);
  CAF_CHECK(page.last.epoch != position.epoch);
  conn = connect();
  CAF_CHECK(port_of(conn) != before);
  CAF_CHECK(code_of(run_one(conn, store::ping{})) == errc::none);
}

CAF_TEST(an old primary beside its successor is not used once the successor was met) {
  both.met = second.met = std::make_shared<db::timelines>();
  auto standing = connect();
  auto old_port = port_of(standing);
  private_postgres("promote", standby);
  CAF_CHECK(standing.check_alive()); // nobody has met the successor

  // The old one takes writes, too, and comes first in the list: nothing but its timeline tells it from the other.
  db::connection conn;
  CAF_REQUIRE_EQUAL(conn.open(second, soon()).detail, "");
  CAF_CHECK(!standing.check_alive());
  CAF_REQUIRE_EQUAL(standing.open(both, soon()).detail, "");
  CAF_CHECK(port_of(standing) == port_of(conn));

  both.met = std::make_shared<db::timelines>(); // a process that has met nobody cannot know
  auto newcomer = connect();
  CAF_CHECK_EQUAL(port_of(newcomer), old_port);
}

CAF_TEST_FIXTURE_SCOPE_END()
