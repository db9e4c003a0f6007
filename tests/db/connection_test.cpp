#include "caf/test/unit_test.hpp"

#include "db/dsn.hpp"
#include "db/support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

using namespace portcullis;
using namespace portcullis::test;

namespace {

/// A loopback port on which connections are taken in by the kernel and never answered, or are refused.
class deaf_port {
public:
  explicit deaf_port(bool is_listening) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || (is_listening && ::listen(socket_, 8) != 0)
        || ::getsockname(socket_, generic, &size) != 0)
      throw std::runtime_error("no loopback port");
    number_ = std::to_string(ntohs(address.sin_port));
  }
  ~deaf_port() {
    ::close(socket_);
  }
  deaf_port(const deaf_port&) = delete;
  deaf_port& operator=(const deaf_port&) = delete;

  const std::string& number() const {
    return number_;
  }

private:
  int socket_;
  std::string number_;
};

db::connect_options to_port(const std::string& port) {
  db::connect_options out;
  out.conninfo = "host=127.0.0.1 port=" + port
                 + " user=u dbname=d password=s3cret sslmode=disable options=-csearch_path=backend";
  return out;
}

std::string show(db::connection& conn, const std::string& setting) {
  db::parameters p;
  p.add(std::string_view{setting});
  auto said = db::ask(conn, "select current_setting($1::text)", p, soon());
  return said.ok() ? (*said.rows)[0].next<std::string>() : said.error;
}

db::connect_options with(db::connect_options options, const std::string& key, const std::string& value) {
  auto parameters = db::parse_conninfo(options.conninfo).value();
  db::set_parameter(parameters, key, value);
  options.conninfo = db::to_conninfo(parameters);
  return options;
}

/// Why a connection is refused, and whether for good.
struct refusal {
  explicit refusal(const db::connect_options& options) {
    db::connection conn;
    reason = conn.open(options, soon()).detail;
    is_for_good = conn.is_refused_for_good();
    CAF_CHECK(!conn.is_open());
  }
  bool has(const std::string& part) const {
    return reason.find(part) != std::string::npos;
  }

  std::string reason;
  bool is_for_good = false;
};

/// Runs `alter database <this one> set <setting>`.
void alter(db::connection& admin, const std::string& setting) {
  run(admin, "do $$ begin execute format('alter database %I set " + setting + "', current_database()); end $$");
}

} // namespace

CAF_TEST(a refused connection says so and does not repeat the password) {
  deaf_port nobody{false};
  db::connection conn;
  auto error = conn.open(to_port(nobody.number()), soon());
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(error.detail.find("refused") != std::string::npos);
  CAF_CHECK(error.detail.find("s3cret") == std::string::npos);
  CAF_CHECK(!conn.is_open());
}

CAF_TEST(a host that never answers costs the deadline and no more) {
  deaf_port deaf{true};
  db::connection conn;
  auto began = boot_clock::now();
  auto error = conn.open(to_port(deaf.number()), began + std::chrono::milliseconds{200});
  auto took = boot_clock::now() - began;
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(took >= std::chrono::milliseconds{200});
  CAF_CHECK(took < patience);
  CAF_CHECK(!conn.is_open());
}

CAF_TEST(the hosts are tried in turn and each has its share of the time) {
  database own{"connection"};
  deaf_port nobody{false};
  deaf_port deaf{true};
  auto options = own.options();
  auto parameters = db::parse_conninfo(options.conninfo).value();
  auto host = *db::find_parameter(parameters, "host");
  db::set_parameter(parameters, "host", "127.0.0.1,127.0.0.1," + host);
  db::set_parameter(parameters, "port",
                    nobody.number() + "," + deaf.number() + "," + *db::find_parameter(parameters, "port"));
  options.conninfo = db::to_conninfo(parameters);
  db::connection conn;
  CAF_CHECK(with_growing_time([&](instant deadline) { return conn.open(options, deadline).code == errc::none; }));
  CAF_CHECK(conn.is_open());
}

CAF_TEST(a standby is refused) {
  database own{"connection"};
  auto admin = own.connect();
  // What a hot standby tells of itself at the start, as far as libpq looks.
  run(admin, "do $$ begin execute format('alter database %I set default_transaction_read_only = on',"
             " current_database()); end $$");
  db::connection conn;
  auto error = conn.open(own.options(), soon());
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(!conn.is_open());
}

CAF_TEST(a session has its settings) {
  database own{"connection"};
  auto conn = own.connect(std::chrono::milliseconds{40000});
  CAF_CHECK_EQUAL(show(conn, "TimeZone"), "UTC");
  CAF_CHECK_EQUAL(show(conn, "lock_timeout"), "20s");
  CAF_CHECK_EQUAL(show(conn, "statement_timeout"), "40s");
  CAF_CHECK_EQUAL(show(conn, "idle_in_transaction_session_timeout"), "40s");
  CAF_CHECK_EQUAL(show(conn, "plan_cache_mode"), "force_generic_plan");
  CAF_CHECK_EQUAL(show(conn, "enable_seqscan"), "off");
  CAF_CHECK_EQUAL(show(conn, "search_path"), "backend");
  CAF_CHECK_EQUAL(show(conn, "client_encoding"), "UTF8");
  CAF_CHECK_EQUAL(show(conn, "application_name"), "portcullis");
  CAF_CHECK_EQUAL(show(conn, "default_transaction_isolation"), "read committed");
  CAF_CHECK_EQUAL(show(conn, "standard_conforming_strings"), "on");
  CAF_CHECK_EQUAL(show(conn, "synchronous_commit"), "on");
  CAF_CHECK(conn.socket() >= 0);
  auto patient = own.options(std::chrono::milliseconds{40000});
  patient.lock_timeout = std::chrono::milliseconds{30};
  CAF_REQUIRE(conn.open(patient, soon()).code == errc::none);
  CAF_CHECK_EQUAL(show(conn, "lock_timeout"), "30ms");
}

CAF_TEST(the server ends by itself a session whose client is frozen or cut off) {
  database own{"connection"};
  auto conn = own.connect(std::chrono::milliseconds{40000});
  CAF_CHECK_EQUAL(show(conn, "client_connection_check_interval"), "1s");
  CAF_CHECK_EQUAL(show(conn, "idle_in_transaction_session_timeout"), "40s");
  if (db::find_parameter(*db::parse_conninfo(own.options().conninfo), "host")->front() != '/') { // over TCP
    CAF_CHECK_EQUAL(show(conn, "tcp_user_timeout"), "40000");
    CAF_CHECK_EQUAL(show(conn, "tcp_keepalives_idle"), "5");
    CAF_CHECK_EQUAL(show(conn, "tcp_keepalives_interval"), "2");
    CAF_CHECK_EQUAL(show(conn, "tcp_keepalives_count"), "3");
  }
}

CAF_TEST(nothing that is set elsewhere weakens a commit) {
  database own{"connection"};
  auto admin = own.connect();
  for (const auto* level : {"off", "local", "remote_write"}) {
    alter(admin, std::string{"synchronous_commit = "} + level);
    auto conn = own.connect();
    CAF_CHECK_EQUAL(show(conn, "synchronous_commit"), "on");
    auto options = own.options();
    auto parameters = db::parse_conninfo(options.conninfo).value();
    auto given = *db::find_parameter(parameters, "options") + " -c synchronous_commit=" + level;
    CAF_REQUIRE(conn.open(with(options, "options", given), soon()).code == errc::none);
    CAF_CHECK_EQUAL(show(conn, "synchronous_commit"), "on");
  }
  alter(admin, "synchronous_commit = remote_apply"); // stronger
  auto conn = own.connect();
  CAF_CHECK_EQUAL(show(conn, "synchronous_commit"), "remote_apply");
}

CAF_TEST(nothing that is set elsewhere changes what statements mean) {
  database own{"connection"};
  auto admin = own.connect();
  alter(admin, "default_transaction_isolation = serializable");
  alter(admin, "TimeZone = ''Asia/Tokyo''");
  alter(admin, "standard_conforming_strings = off");
  alter(admin, "client_encoding = LATIN1");
  alter(admin, "idle_session_timeout = 1000");
  auto conn = own.connect();
  CAF_CHECK_EQUAL(show(conn, "transaction_isolation"), "read committed");
  CAF_CHECK_EQUAL(show(conn, "TimeZone"), "UTC");
  CAF_CHECK_EQUAL(show(conn, "standard_conforming_strings"), "on");
  CAF_CHECK_EQUAL(show(conn, "client_encoding"), "UTF8");
  CAF_CHECK_EQUAL(show(conn, "idle_session_timeout"), "0");
}

CAF_TEST(a session whose triggers would not fire is refused for good) {
  database own{"connection"};
  auto admin = own.connect();
  alter(admin, "session_replication_role = replica");
  refusal got{own.options()};
  CAF_CHECK(got.is_for_good);
  CAF_CHECK(got.has("session_replication_role"));
}

CAF_TEST(a database of another encoding is refused for good) {
  database own{"connection"};
  auto admin = own.connect();
  for (const std::string encoding : {"LATIN1", "SQL_ASCII"}) {
    auto name = "test_encoding_" + std::to_string(::getpid());
    run(admin, "create database " + name + " template template0 encoding '" + encoding + "' locale 'C'");
    refusal got{with(own.options(), "dbname", name)};
    run(admin, "drop database " + name + " with (force)"); // its backend may not have left it yet
    CAF_CHECK(got.is_for_good);
    CAF_CHECK(got.has(encoding));
  }
}

CAF_TEST(what no retry will mend is told from what may pass) {
  database own{"connection"};
  refusal nowhere{with(own.options(), "dbname", "no_such_database")};
  CAF_CHECK(nowhere.is_for_good);
  CAF_CHECK(nowhere.has("3D000"));
  refusal denied{with(own.options(), "user", "nobody_of_that_name")};
  CAF_CHECK(denied.is_for_good);
  CAF_CHECK(denied.has("28"));
  deaf_port nobody{false};
  refusal away{to_port(nobody.number())};
  CAF_CHECK(!away.is_for_good);
  // One host that may come back is hope.
  auto parameters = db::parse_conninfo(own.options().conninfo).value();
  auto two = with(own.options(), "host", *db::find_parameter(parameters, "host") + ",127.0.0.1");
  two = with(two, "port", *db::find_parameter(parameters, "port") + "," + nobody.number());
  CAF_CHECK(!refusal{with(two, "dbname", "no_such_database")}.is_for_good);
}

CAF_TEST(a server that ignores search_path is refused) {
  database own{"connection"};
  auto options = own.options();
  auto parameters = db::parse_conninfo(options.conninfo).value();
  db::set_parameter(parameters, "options", "-csearch_path=public"); // as if a pooler had dropped ours
  options.conninfo = db::to_conninfo(parameters);
  db::connection conn;
  auto error = conn.open(options, soon());
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(error.detail.find("search_path") != std::string::npos);
  CAF_CHECK(!conn.is_open());
}

CAF_TEST(a wrong password is not repeated) {
  database own{"connection"};
  auto options = own.options();
  auto parameters = db::parse_conninfo(options.conninfo).value();
  db::set_parameter(parameters, "password", "wr0ng-s3cret");
  db::set_parameter(parameters, "user", "wr0ng-s3cret"); // libpq's message quotes the user
  options.conninfo = db::to_conninfo(parameters);
  db::connection conn;
  auto error = conn.open(options, soon());
  CAF_CHECK(error.code == errc::database_unavailable);
  CAF_CHECK(error.detail.find("***") != std::string::npos);
  CAF_CHECK(error.detail.find("wr0ng") == std::string::npos);
}

CAF_TEST(a closed connection answers with a failure) {
  db::connection conn;
  CAF_CHECK(!conn.is_open());
  CAF_CHECK_EQUAL(conn.socket(), -1);
  auto report = db::execute(conn, {store::operation{store::ping{}}}, soon());
  CAF_CHECK(report.connection_lost);
  CAF_CHECK(code_of(report.outcomes.at(0)) == errc::database_unavailable);
  CAF_CHECK_EQUAL(report.lost.size(), 1u);
}
