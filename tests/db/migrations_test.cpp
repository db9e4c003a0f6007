#include "caf/test/unit_test.hpp"

#include "db/advisory_locks.hpp"
#include "db/support.hpp"

#include <future>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

namespace {

struct fixture : database {
  fixture() : database("migrations") {
    // nop
  }

  db::migration_report migrate(const std::vector<db::migration>& migrations, instant deadline = soon()) {
    auto conn = connect();
    return db::migrate(conn, migrations, deadline, [this](std::string_view line) { lines.emplace_back(line); });
  }

  std::vector<std::string> lines;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(migration_tests, fixture)

CAF_TEST(from nothing to current) {
  auto report = migrate(db::embedded_migrations());
  CAF_CHECK_EQUAL(report.error.detail, "");
  CAF_CHECK_EQUAL(report.applied.size(), db::embedded_migrations().size());
  CAF_CHECK_EQUAL(report.applied.at(0), "00001_accounts");
  CAF_CHECK_EQUAL(lines.size(), db::embedded_migrations().size());
  auto conn = connect();
  for (const auto* table : {"accounts", "identities", "sessions", "account_stats", "game_players",
                            "revocation_events", "done_operations", "ended_sessions", "ended_generations",
                            "data_steps", "revocation_jobs", "schema_migrations"})
    CAF_CHECK_EQUAL(number(conn, "select count(*) from pg_tables where schemaname = 'backend' and tablename = '"
                                   + std::string{table} + "'"),
                    1);
  CAF_CHECK_EQUAL(number(conn, "select count(*) from schema_migrations"),
                  static_cast<std::int64_t>(db::embedded_migrations().size()));
}

CAF_TEST(the second time there is nothing to do) {
  migrate(db::embedded_migrations());
  lines.clear();
  auto report = migrate(db::embedded_migrations());
  CAF_CHECK_EQUAL(report.error.detail, "");
  CAF_CHECK(report.applied.empty());
  CAF_CHECK(lines.empty());
}

CAF_TEST(an edited migration stops it and is named) {
  migrate({{1, "00001_one", "create table one ()"}});
  auto report = migrate({{1, "00001_one", "create table one (id int)"}, {2, "00002_two", "create table two ()"}});
  CAF_CHECK(report.error.code != errc::none);
  CAF_CHECK(report.is_permanent);
  CAF_CHECK(report.error.detail.find("00001_one") != std::string::npos);
  CAF_CHECK(report.error.detail.find("edited") != std::string::npos);
  auto conn = connect();
  CAF_CHECK_EQUAL(number(conn, "select count(*) from pg_tables where tablename = 'two'"), 0);
}

CAF_TEST(a migration that this version does not know stops it and is named) {
  migrate({{1, "00001_one", "create table one ()"}, {2, "00002_two", "create table two ()"}});
  auto report = migrate({{1, "00001_one", "create table one ()"}});
  CAF_CHECK(report.is_permanent);
  CAF_CHECK(report.error.detail.find("00002_two") != std::string::npos);
}

CAF_TEST(a migration that fails leaves nothing behind and can be mended) {
  auto report = migrate({{1, "00001_one", "create table one ()"},
                         {2, "00002_two", "create table two (); select 1 / 0"},
                         {3, "00003_three", "create table three ()"}});
  CAF_CHECK(report.error.code == errc::database_unavailable);
  CAF_CHECK(!report.is_permanent);
  CAF_CHECK(report.error.detail.find("00002_two") != std::string::npos);
  CAF_CHECK_EQUAL(report.applied.size(), 1u);
  auto conn = connect();
  CAF_CHECK_EQUAL(number(conn, "select count(*) from pg_tables where tablename in ('two', 'three')"), 0);
  auto mended = migrate({{1, "00001_one", "create table one ()"}, {2, "00002_two", "create table two ()"}});
  CAF_CHECK_EQUAL(mended.error.detail, "");
  CAF_CHECK_EQUAL(mended.applied.size(), 1u);
}

CAF_TEST(processes that start together migrate once) {
  std::vector<std::future<db::migration_report>> starts;
  for (int i = 0; i < 4; ++i)
    starts.push_back(std::async(std::launch::async, [this] {
      auto conn = connect();
      return db::migrate(conn, db::embedded_migrations(), soon(), [](std::string_view) {});
    }));
  std::size_t applied = 0;
  for (auto& start : starts) {
    auto report = start.get();
    CAF_CHECK_EQUAL(report.error.detail, "");
    applied += report.applied.size();
  }
  CAF_CHECK_EQUAL(applied, db::embedded_migrations().size());
}

CAF_TEST(a lock that somebody holds is waited for until the deadline) {
  auto other = connect();
  run(other, "select pg_advisory_lock(" + std::to_string(db::migration_lock) + ")");
  CAF_CHECK(with_growing_time([&](instant deadline) {
    lines.clear();
    auto report = migrate(db::embedded_migrations(), deadline);
    CAF_CHECK(report.error.code == errc::database_unavailable);
    CAF_CHECK(!report.is_permanent);
    return lines.size() == 1; // that it waits
  }));
  run(other, "select pg_advisory_unlock(" + std::to_string(db::migration_lock) + ")");
  CAF_CHECK_EQUAL(migrate(db::embedded_migrations()).error.detail, "");
}

CAF_TEST(the connection goes on with its time - outs) {
  auto conn = connect(std::chrono::milliseconds{40000});
  db::migrate(conn, db::embedded_migrations(), soon(), [](std::string_view) {});
  CAF_CHECK_EQUAL(number(conn, "select setting from pg_settings where name = 'statement_timeout'"), 40000);
  CAF_CHECK(code_of(run_one(conn, store::ping{})) == errc::none);
}

CAF_TEST_FIXTURE_SCOPE_END()
