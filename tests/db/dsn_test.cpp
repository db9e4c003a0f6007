#include "caf/test/unit_test.hpp"

#include "db/connection.hpp"
#include "db/dsn.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace portcullis;
using namespace portcullis::db;

namespace {

/// One parameter of what `dsn` is turned into; empty when it is refused or does not set it.
std::string parsed(std::string_view dsn, std::string_view key) {
  auto result = parse_dsn(dsn);
  if (!result)
    return {};
  auto parameters = parse_conninfo(*result);
  if (!parameters)
    return {};
  const auto* value = find_parameter(*parameters, key);
  return value != nullptr ? *value : std::string{};
}

/// Why `dsn` is refused; empty when it is not.
std::string refused(std::string_view dsn) {
  auto result = parse_dsn(dsn);
  return !result ? result.error().detail : std::string{};
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

CAF_TEST(the DSN of the Go system works as it is) {
  constexpr auto dsn = "postgres://postgres:dev@localhost:5432/postgres?search_path=backend&sslmode=disable";
  CAF_CHECK_EQUAL(refused(dsn), "");
  CAF_CHECK_EQUAL(parsed(dsn, "host"), "localhost");
  CAF_CHECK_EQUAL(parsed(dsn, "port"), "5432");
  CAF_CHECK_EQUAL(parsed(dsn, "user"), "postgres");
  CAF_CHECK_EQUAL(parsed(dsn, "password"), "dev");
  CAF_CHECK_EQUAL(parsed(dsn, "dbname"), "postgres");
  CAF_CHECK_EQUAL(parsed(dsn, "sslmode"), "disable");
  CAF_CHECK_EQUAL(parsed(dsn, "options"), "-csearch_path=backend");
}

CAF_TEST(search_path is carried over from wherever it stands) {
  struct {
    const char* dsn;
    const char* options;
  } table[] = {
    {"postgres://h/d?search_path=backend", "-csearch_path=backend"},
    {"postgresql://h/d?sslmode=disable&search_path=backend", "-csearch_path=backend"},
    {"postgres://h/d?sslmode=disable&search_path=backend&connect_timeout=3", "-csearch_path=backend"},
    {"postgres://h/d?search%5Fpath=%62ackend", "-csearch_path=backend"},
    {"postgres://h/d?options=-csearch_path%3Dbackend", "-csearch_path=backend"},
    {"postgres://h/d?options=-c%20search_path%3Dbackend", "-c search_path=backend"},
    {"postgres://h/d?options=-c%20work_mem%3D1MB&search_path=backend", "-c work_mem=1MB -csearch_path=backend"},
    {"postgres://h/d?options=-csearch_path%3Dpublic&search_path=backend",
     "-csearch_path=public -csearch_path=backend"},
    {"host=h dbname=d search_path=backend", "-csearch_path=backend"},
    {"search_path = 'backend' host=h", "-csearch_path=backend"},
    {"host=h options='-c search_path=backend'", "-c search_path=backend"},
    {"host=h options=--search_path=backend", "--search_path=backend"},
  };
  for (const auto& row : table) {
    CAF_CHECK_EQUAL(refused(row.dsn), "");
    CAF_CHECK_EQUAL(parsed(row.dsn, "options"), row.options);
  }
}

CAF_TEST(a DSN that does not pin the schema is refused) {
  for (const auto* dsn : {
         "postgres://u:s3cret@h/d",
         "postgres://u:s3cret@h/d?search_path=public",
         "postgres://u:s3cret@h/d?search_path=backend,public",
         "postgres://u:s3cret@h/d?search_path=backend&search_path=public",
         "postgres://u:s3cret@h/d?search_path=",
         "postgres://u:s3cret@h/d?search_path=%62ackend%zz",
         "postgres://u:s3cret@h/d?search_path=backend%2",
         "postgres://u:s3cret@h/d?options=-csearch_path%3Dbackend%20-csearch_path%3Dpublic",
         "host=h user=u password=s3cret",
         "host=h password=s3cret options='-c work_mem=1MB'",
         "",
       }) {
    auto why = refused(dsn);
    CAF_CHECK(has(why, "search_path=backend"));
    CAF_CHECK(!has(why, "s3cret"));
  }
}

CAF_TEST(what libpq would refuse only when it connects is refused before) {
  struct {
    const char* setting;
    const char* named;
  } table[] = {
    {"sslmode=disabled", "sslmode"},
    {"sslmode=", "sslmode"},
    {"connect_timeout=abc", "connect_timeout"},
    {"connect_timeout=5s", "connect_timeout"},
    {"port=99999", "port"},
    {"port=0", "port"},
    {"port=-1", "port"},
    {"port=5432,x", "port"},
    {"port=1,2,3", "port"},
    {"keepalives_idle=soon", "keepalives_idle"},
    {"tcp_user_timeout=99999999999", "tcp_user_timeout"},
    {"channel_binding=on", "channel_binding"},
    {"gssencmode=off", "gssencmode"},
    {"ssl_min_protocol_version=1.2", "ssl_min_protocol_version"},
    {"replication=database", "replication"},
    {"no_such_parameter=1", "parameter"},
  };
  for (const auto& row : table) {
    CAF_CHECK(has(refused(std::string{"host=a,b password=s3cret search_path=backend "} + row.setting), row.named));
    auto url = refused(std::string{"postgres://u:s3cret@h/d?search_path=backend&"} + row.setting);
    CAF_CHECK(has(url, row.named));
    CAF_CHECK(!has(url, "s3cret"));
  }
  for (const auto* good :
       {"sslmode=verify-full", "connect_timeout=0", "connect_timeout=-1", "port=65535", "port=''", "port=1,2",
        "channel_binding=prefer", "keepalives=0", "target_session_attrs=primary"})
    CAF_CHECK_EQUAL(refused(std::string{"host=a,b search_path=backend "} + good), "");
}

CAF_TEST(white space at the ends is dropped) {
  CAF_CHECK_EQUAL(parsed("\n postgres://u:p@h:1/d?search_path=backend&sslmode=disable\r\n", "sslmode"), "disable");
  CAF_CHECK_EQUAL(parsed("postgres://u:p@h:1/d?search_path=backend\n", "options"), "-csearch_path=backend");
  CAF_CHECK_EQUAL(mask_dsn("postgres://u:p@h:1/d?search_path=backend\n"),
                  "postgres://u:***@h:1/d?search_path=backend");
}

CAF_TEST(a parameter of pgx is named and its value is not ) {
  for (const auto* dsn : {"postgres://u:s3cret@h/d?search_path=backend&pool_max_conns=s3cret",
                          "host=h password=s3cret search_path=backend pool_max_conns=s3cret"}) {
    auto why = refused(dsn);
    CAF_CHECK(has(why, "pool_max_conns"));
    CAF_CHECK(!has(why, "s3cret"));
  }
  CAF_CHECK(
    has(refused("postgres://h/d?search_path=backend&default_query_exec_mode=exec"), "default_query_exec_mode"));
  CAF_CHECK(
    has(refused("postgres://h/d?search_path=backend&statement_cache_capacity=0"), "statement_cache_capacity"));
}

CAF_TEST(a server that takes no writes cannot be asked for) {
  for (const auto* wanted : {"standby", "prefer-standby", "read-only", "", "S3CRET"}) {
    auto why = refused("host=h search_path=backend target_session_attrs='" + std::string{wanted} + "'");
    CAF_CHECK(has(why, "target_session_attrs"));
    CAF_CHECK(!has(why, "S3CRET"));
  }
  for (const auto* wanted : {"read-write", "primary", "any"})
    CAF_CHECK_EQUAL(refused("host=h search_path=backend target_session_attrs=" + std::string{wanted}), "");
}

CAF_TEST(no refusal repeats the password) {
  // Each makes libpq quote a part of it in its own message.
  for (const auto* dsn : {
         "postgres://u:s3%zzcret@h/d?search_path=backend",
         "postgres://u@h/d?password=s3%zzcret&search_path=backend",
         "postgres://u@h/d?password=a&s3cret=1&search_path=backend",
         "host=h password=a s3cret search_path=backend",
         "host=h password='s3cret",
         "s3cret",
         "postgres://u:s3cret@[h/d?search_path=backend",
       }) {
    auto why = refused(dsn);
    CAF_CHECK(!why.empty());
    CAF_CHECK(!has(why, "cret"));
    CAF_CHECK(!has(mask_dsn(dsn), "cret"));
  }
}

CAF_TEST(values survive the trip through the key - value form) {
  constexpr auto dsn = R"(host=h password='a\'b \\c' search_path=backend)";
  CAF_CHECK_EQUAL(parsed(dsn, "password"), R"(a'b \c)");
  CAF_CHECK_EQUAL(parsed("postgres://u:p%40%3F%26w@h/d?search_path=backend", "password"), "p@?&w");
  CAF_CHECK_EQUAL(parsed("postgres://u:p?w@h/d?search_path=backend", "password"), "p?w");
  CAF_CHECK_EQUAL(parsed("postgres://a:1,b:2/d?search_path=backend", "host"), "a,b");
  CAF_CHECK_EQUAL(parsed("postgres://a:1,b:2/d?search_path=backend", "port"), "1,2");
}

CAF_TEST(masking hides passwords and nothing else) {
  struct {
    const char* dsn;
    const char* masked;
  } table[] = {
    {"postgres://u:s3cret@h:1/d?search_path=backend", "postgres://u:***@h:1/d?search_path=backend"},
    {"postgres://u@h/d?search_path=backend", "postgres://u@h/d?search_path=backend"},
    {"postgres://[::1]:5432/d", "postgres://[::1]:5432/d"},
    {"postgres://u:@h/d", "postgres://u:***@h/d"},
    {"postgres://u:s3cret/d", "***"}, // the `@` was forgotten
    {"postgres://u:a%40b@h/d", "postgres://u:***@h/d"},
    {"postgres://u:p@ss@h/d", "postgres://u:***@h/d"},
    {"postgres://u@h/d?password=s3cret&sslmode=disable", "postgres://u@h/d?password=***&sslmode=disable"},
    {"postgres://h/d?%70assword=s3cret&search_path=%zz", "postgres://h/d?%70assword=***&search_path=%zz"},
    {"postgres://u:one@h/d?sslpassword=two", "postgres://u:***@h/d?sslpassword=***"},
    {"host=h user=u password=s3cret dbname=d", "host=h user=u password=*** dbname=d"},
    {"host=h password = 'it\\'s s3cret' dbname=d", "host=h password = *** dbname=d"},
    {"password=s3cret search_path=backend", "password=*** search_path=backend"},
    {"postgres://u:s3cret@h/d?pool_max_conns=4", "***"},
  };
  for (const auto& row : table)
    CAF_CHECK_EQUAL(mask_dsn(row.dsn), row.masked);
}

CAF_TEST(a private key is read where one is named or lies where libpq looks) {
  const auto home = std::filesystem::temp_directory_path() / ("dsn_test." + std::to_string(::getpid()));
  std::filesystem::create_directories(home / ".postgresql");
  ::unsetenv("PGSSLKEY");
  ::setenv("HOME", home.c_str(), 1);
  CAF_CHECK(!reads_client_key("host=h"));
  CAF_CHECK(!reads_client_key("host=h sslmode=verify-full"));
  CAF_CHECK(reads_client_key("host=h sslkey=/k"));
  CAF_CHECK(!reads_client_key("host=h sslmode=disable sslkey=/k"));
  CAF_CHECK(!reads_client_key("no conninfo"));
  ::setenv("PGSSLKEY", "/k", 1);
  CAF_CHECK(reads_client_key("host=h"));
  ::unsetenv("PGSSLKEY");
  std::ofstream{home / ".postgresql/postgresql.key"} << "key";
  CAF_CHECK(reads_client_key("host=h"));
  CAF_CHECK(!reads_client_key("host=h sslmode=disable"));
  std::filesystem::remove_all(home);
}
