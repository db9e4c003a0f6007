#include "config/settings.hpp"

#include "config/variables.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

using namespace portcullis;
using namespace portcullis::config;
using namespace std::chrono_literals;

namespace {

const std::string dsn = "postgres://postgres:dev@localhost:5432/postgres?search_path=backend&sslmode=disable";

/// A file that is there as long as this.
struct secret_file {
  explicit secret_file(const std::string& text) {
    const int descriptor = ::mkstemp(path.data());
    CAF_REQUIRE(descriptor >= 0);
    CAF_REQUIRE_EQUAL(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(descriptor);
  }
  ~secret_file() {
    ::unlink(path.c_str());
  }
  std::string path = "/tmp/portcullis-secret-XXXXXX";
};

environment with(environment changes) {
  changes.emplace("BACKEND_POSTGRES_DSN", dsn);
  return changes;
}

settings sound(environment changes, bool can_trace = true) {
  const auto loaded = load(role::service, with(std::move(changes)), can_trace);
  if (const auto* problems = std::get_if<std::vector<problem>>(&loaded))
    CAF_FAIL(problems->at(0).to_string());
  return std::get<settings>(loaded);
}

std::vector<std::string> problems(const environment& env, bool can_trace = true) {
  const auto loaded = load(role::service, env, can_trace);
  std::vector<std::string> lines;
  if (const auto* found = std::get_if<std::vector<problem>>(&loaded))
    for (const problem& p : *found)
      lines.push_back(p.to_string());
  return lines;
}

// The only complaint about one variable.
std::string complaint(const std::string& name, const std::string& value, bool can_trace = true) {
  const auto lines = problems(with({{name, value}}), can_trace);
  return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " complaints";
}

void check_refused(const std::string& name, const std::string& value) {
  if (problems(with({{name, value}})).empty())
    CAF_ERROR(name << " took " << value);
}

// That values which are sound one by one are refused together, because of one variable.
void check_problem(const environment& values, const std::string& name) {
  const auto lines = problems(with(values));
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  CAF_CHECK_EQUAL(lines[0].substr(0, name.size() + 1), name + ' ');
}

} // namespace

CAF_TEST(the defaults of the contract hold when only the DSN is given) {
  const settings s = sound({});
  CAF_CHECK_EQUAL(s.http.listen.at(0).host, "");
  CAF_CHECK_EQUAL(s.http.listen.at(0).port, 8080);
  CAF_CHECK(s.telemetry.log_level == log::level::info);
  CAF_CHECK_EQUAL(s.telemetry.service_name, "portcullis");
  CAF_CHECK(s.telemetry.traces == tracing::exporter::none);
  CAF_CHECK(s.telemetry.metrics == tracing::exporter::none);
  CAF_CHECK_EQUAL(s.postgres.pool.workers_max, 25u);
  CAF_CHECK_EQUAL(s.postgres.pool.workers_idle_max, 5u);
  CAF_CHECK(s.postgres.conn_life_time == 30min);
  CAF_CHECK(s.postgres.pool.operation_timeout == 5s);
  CAF_CHECK(s.request_timeout() == 6s);
  CAF_CHECK(s.retention.guest_retention == 720h);
  CAF_CHECK(s.retention.guest_reap_interval == 1h);
  CAF_CHECK(s.retention.revoked_retention == 720h);
  CAF_CHECK(s.retention.audit_retention == 2160h);
  CAF_CHECK(s.revocation.retention == 24h);
  CAF_CHECK(s.revocation.poll_interval == 100ms);
  CAF_CHECK(s.staleness_max() == 30s);
  CAF_CHECK_EQUAL(s.session_cache.limits.memory.index.entries_max, 1'000'000u);
}

CAF_TEST(the DSN is required and translated) {
  CAF_CHECK_EQUAL(problems({}), std::vector<std::string>{"BACKEND_POSTGRES_DSN is not set: takes a libpq URL or "
                                                         "key=value string that pins search_path=backend"});
  CAF_CHECK_EQUAL(problems({{"BACKEND_POSTGRES_DSN", ""}}).size(), 1u);
  const settings s = sound({});
  CAF_CHECK(!s.postgres.conninfo.empty());
  CAF_CHECK_EQUAL(s.postgres.masked_dsn.find("dev@"), std::string::npos);
}

CAF_TEST(a refused DSN is reported without its password) {
  const auto lines = problems({{"BACKEND_POSTGRES_DSN", "postgres://postgres:dev@localhost:5432/postgres"}});
  CAF_REQUIRE_EQUAL(lines.size(), 1u);
  CAF_CHECK_EQUAL(lines[0].find("dev@"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(lines[0].find("search_path=backend"), std::string::npos);
}

CAF_TEST(every variable is read into the setting that it names) {
  const settings s = sound({{"BACKEND_HTTP_ADDR", "127.0.0.1:1"},
                            {"BACKEND_LOG_LEVEL", "debug"},
                            {"BACKEND_POSTGRES_MAX_OPEN_CONNS", "2"},
                            {"BACKEND_POSTGRES_MAX_IDLE_CONNS", "1"},
                            {"BACKEND_POSTGRES_CONN_MAX_LIFETIME", "3s"},
                            {"BACKEND_POSTGRES_OPERATION_TIMEOUT", "4s"},
                            {"BACKEND_SERVICE_NAME", "five"},
                            {"BACKEND_OTEL_TRACES_EXPORTER", "stdout"},
                            {"BACKEND_OTEL_METRICS_EXPORTER", "otlp"},
                            {"BACKEND_GUEST_RETENTION", "8s"},
                            {"BACKEND_GUEST_REAP_INTERVAL", "9s"},
                            {"BACKEND_REVOKED_RETENTION", "10s"},
                            {"BACKEND_AUDIT_RETENTION", "12s"},
                            {"BACKEND_REVOCATION_RETENTION", "11s"},
                            {"BACKEND_REVOCATION_POLL_INTERVAL", "12ms"},
                            {"BACKEND_REVOCATION_MAX_STALENESS", "1300ms"},
                            {"BACKEND_SESSION_CACHE_MAX_ENTRIES", "14"},
                            {"BACKEND_HTTP_MAX_CONNECTIONS", "150"},
                            {"BACKEND_HTTP_MAX_SUBSCRIBERS", "16"},
                            {"BACKEND_HTTP_MAX_SUBSCRIBER_BUFFER_BYTES", "17000"},
                            {"BACKEND_HTTP_MAX_HEADER_BYTES", "18000"},
                            {"BACKEND_HTTP_MAX_HEADER_FIELDS", "19"},
                            {"BACKEND_HTTP_MAX_BODY_BYTES", "20000"},
                            {"BACKEND_HTTP_MAX_PIPELINED", "21"},
                            {"BACKEND_HTTP_HEADER_TIMEOUT", "22s"},
                            {"BACKEND_HTTP_BODY_TIMEOUT", "23s"},
                            {"BACKEND_HTTP_IDLE_TIMEOUT", "24s"},
                            {"BACKEND_HTTP_WRITE_TIMEOUT", "25s"},
                            {"BACKEND_SHUTDOWN_TIMEOUT", "26s"},
                            {"BACKEND_POSTGRES_MAX_QUEUE", "27"},
                            {"BACKEND_POSTGRES_MAX_BATCH", "28"},
                            {"BACKEND_SESSION_CACHE_MAX_UNKNOWN", "29"},
                            {"BACKEND_SESSION_CACHE_MAX_LOADS", "30"},
                            {"BACKEND_REVOCATION_HEARTBEAT", "14s"},
                            {"BACKEND_REVOCATION_RING_EVENTS", "32"},
                            {"BACKEND_REVOCATION_PAGE_EVENTS", "33"}});
  CAF_CHECK_EQUAL(s.http.listen.at(0).host, "127.0.0.1");
  CAF_CHECK_EQUAL(s.http.listen.at(0).port, 1);
  CAF_CHECK(s.telemetry.log_level == log::level::debug);
  CAF_CHECK_EQUAL(s.postgres.pool.workers_max, 2u);
  CAF_CHECK_EQUAL(s.postgres.pool.workers_idle_max, 1u);
  CAF_CHECK(s.postgres.conn_life_time == 3s);
  CAF_CHECK(s.postgres.pool.operation_timeout == 4s);
  CAF_CHECK_EQUAL(s.telemetry.service_name, "five");
  CAF_CHECK(s.telemetry.traces == tracing::exporter::standard_output);
  CAF_CHECK(s.telemetry.metrics == tracing::exporter::otlp);
  CAF_CHECK(s.retention.guest_retention == 8s);
  CAF_CHECK(s.retention.guest_reap_interval == 9s);
  CAF_CHECK(s.retention.revoked_retention == 10s);
  CAF_CHECK(s.retention.audit_retention == 12s);
  CAF_CHECK(s.revocation.retention == 11s);
  CAF_CHECK(s.revocation.poll_interval == 12ms);
  CAF_CHECK(s.staleness_max() == 1300ms);
  CAF_CHECK_EQUAL(s.session_cache.limits.memory.index.entries_max, 14u);
  CAF_CHECK_EQUAL(s.http.limits.connections_max, 150u);
  CAF_CHECK_EQUAL(s.http.feed.subscribers_max, 16u);
  CAF_CHECK_EQUAL(s.http.feed.subscriber_buffer_bytes_max, 17000u);
  CAF_CHECK_EQUAL(s.http.limits.reader.head_bytes_max, 18000u);
  CAF_CHECK_EQUAL(s.http.limits.reader.fields_max, 19u);
  CAF_CHECK_EQUAL(s.http.limits.reader.body_bytes_max, 20000u);
  CAF_CHECK_EQUAL(s.http.limits.pipelined_max, 21u);
  CAF_CHECK(s.http.limits.header_timeout == 22s);
  CAF_CHECK(s.http.limits.body_timeout == 23s);
  CAF_CHECK(s.http.limits.idle_timeout == 24s);
  CAF_CHECK(s.http.limits.write_timeout == 25s);
  CAF_CHECK(s.http.drain_timeout == 26s);
  CAF_CHECK_EQUAL(s.postgres.pool.queue_max, 27u);
  CAF_CHECK_EQUAL(s.postgres.pool.batch_max, 28u);
  CAF_CHECK_EQUAL(s.session_cache.limits.memory.unknown_entries_max, 29u);
  CAF_CHECK_EQUAL(s.session_cache.limits.loads_max, 30u);
  CAF_CHECK(s.http.feed.heartbeat_interval == 14s);
  CAF_CHECK_EQUAL(s.http.feed.ring_events_max, 32u);
  CAF_CHECK_EQUAL(s.http.feed.page_events_max, 33u);
}

CAF_TEST(an empty value counts as not set) {
  const auto unset = sound({{"BACKEND_HTTP_ADDR", ""}});
  CAF_CHECK_EQUAL(unset.http.listen.at(0).port, 8080);
}

CAF_TEST(everything that is wrong is reported together) {
  const auto lines = problems({{"BACKEND_HTTP_ADDR", "8080"},
                               {"BACKEND_LOG_LEVEL", "verbose"},
                               {"BACKEND_POSTGRES_MAX_OPEN_CONNS", "many"},
                               {"BACKEND_REVOCATION_MAX_STALENESS", "30"},
                               {"BACKEND_HTTP_MAX_PIPELINED", "0"}});
  CAF_CHECK_EQUAL(
    lines,
    (std::vector<std::string>{
      R"(BACKEND_HTTP_ADDR="8080": takes host:port, :port or [IPv6 address]:port, each with ;tls and )"
      R"(;audiences=public,internal,user,admin,metrics as wanted, separated by commas)",
      R"(BACKEND_LOG_LEVEL="verbose": takes debug, info, warn or error)",
      "BACKEND_POSTGRES_DSN is not set: takes a libpq URL or key=value string that pins search_path=backend",
      R"(BACKEND_POSTGRES_MAX_OPEN_CONNS="many": takes an integer from 1 to 1000)",
      R"(BACKEND_REVOCATION_MAX_STALENESS="30": takes a duration from 10ms to 10m, such as 30s)",
      R"(BACKEND_HTTP_MAX_PIPELINED="0": takes an integer from 1 to 1024)",
    }));
}

CAF_TEST(a complaint is one line whatever the value holds) {
  const std::string line = complaint("BACKEND_LOG_LEVEL", "a\nb\"c");
  CAF_CHECK_EQUAL(line, R"(BACKEND_LOG_LEVEL="a\nb\"c": takes debug, info, warn or error)");
  CAF_CHECK(complaint("BACKEND_LOG_LEVEL", std::string(100'000, 'x')).size() < 2000);
}

CAF_TEST(the listen address has the forms of Go) {
  const auto address = [](const std::string& text) {
    const settings s = sound({{"BACKEND_HTTP_ADDR", text}});
    return s.http.listen.at(0).host + '|' + std::to_string(s.http.listen.at(0).port);
  };
  CAF_CHECK_EQUAL(address(":8081"), "|8081");
  CAF_CHECK_EQUAL(address("localhost:80"), "localhost|80");
  CAF_CHECK_EQUAL(address("0.0.0.0:65535"), "0.0.0.0|65535");
  CAF_CHECK_EQUAL(address("[::1]:8080"), "::1|8080");
  CAF_CHECK_EQUAL(address("127.0.0.1:0"), "127.0.0.1|0");
  for (const char* text : {"8080", ":", "host:", ":65536", ":-1", ":+1", ":80a", ": 80", "::1:8080", "[::1]",
                           "[]:80", "[localhost]:80", "http://host:80", "ho st:80", "*:80"})
    check_refused("BACKEND_HTTP_ADDR", text);
}

CAF_TEST(listen addresses come in a list and each has its options) {
  const auto shown = [](const std::string& text) {
    const settings s = sound({{"BACKEND_HTTP_ADDR", text},
                              {"BACKEND_TLS_CERT_FILE", "/dev/null"},
                              {"BACKEND_TLS_KEY_FILE", "/dev/null"}});
    return find_variable(role::service, "BACKEND_HTTP_ADDR")->show(s) + " of "
           + std::to_string(s.http.listen.size());
  };
  CAF_CHECK_EQUAL(shown(":1,:2"), ":1,:2 of 2");
  CAF_CHECK_EQUAL(shown(":1;tls"), ":1;tls of 1");
  CAF_CHECK_EQUAL(shown("h:1;audiences=public;tls"), "h:1;tls;audiences=public of 1");
  CAF_CHECK_EQUAL(shown(":1;tls;audiences=public,user,[::1]:2;audiences=admin,metrics,:3"),
                  ":1;tls;audiences=public,user,[::1]:2;audiences=admin,metrics,:3 of 3");
  for (const char* text : {",", ":1,", ",:1", ":1;", ":1;;tls", ":1;ssl", ":1;tls;tls",
                           ":1;audiences=", "public,:1", ":1;audiences=public,probe",
                           ":1;audiences=public;audiences=user", ":1,public", ":1;audiences=public,user;tls"})
    check_refused("BACKEND_HTTP_ADDR", text);
}

CAF_TEST(a rate is so many requests in so many seconds) {
  const settings s = sound({{"BACKEND_GUEST_RATE", "100/60s"}, {"BACKEND_CALLER_RATE", "off"}});
  CAF_REQUIRE(s.access.guest_rate.has_value());
  CAF_CHECK_EQUAL(s.access.guest_rate->requests, 100u);
  CAF_CHECK_EQUAL(s.access.guest_rate->window_s, 60u);
  CAF_CHECK(!s.access.caller_rate && !s.access.guess_rate);
  CAF_CHECK(!sound({{"BACKEND_GUEST_RATE", "0"}}).access.guest_rate);
  for (const char* text : {"0/1s", "1/0s", "1", "1/1", "/1s", "1/s", "-1/1s", "1/1m", "1/86401s", "5000000000/1s"})
    check_refused("BACKEND_GUEST_RATE", text);
}

CAF_TEST(handshakes are limited unless that is turned off) {
  const auto given = sound({}).access.handshake_rate;
  CAF_REQUIRE(given.has_value());
  CAF_CHECK(given->requests >= 1000); // a gateway opens hundreds of connections at its start
  for (const char* text : {"off", "0"})
    CAF_CHECK(!sound({{"BACKEND_TLS_HANDSHAKE_RATE", text}}).access.handshake_rate);
}

CAF_TEST(TLS and required callers need their files) {
  check_problem({{"BACKEND_HTTP_ADDR", ":1;tls"}, {"BACKEND_TLS_KEY_FILE", "/dev/null"}}, "BACKEND_TLS_CERT_FILE");
  check_problem({{"BACKEND_HTTP_ADDR", ":1;tls"}, {"BACKEND_TLS_CERT_FILE", "/dev/null"}}, "BACKEND_TLS_KEY_FILE");
  check_problem({{"BACKEND_TLS_CLIENT_CERT", "optional"}}, "BACKEND_TLS_CLIENT_CA_FILE");
  check_problem({{"BACKEND_CALLERS_REQUIRED", "true"}}, "BACKEND_CALLERS_FILE");
  sound({{"BACKEND_CALLERS_REQUIRED", "true"}, {"BACKEND_CALLERS_FILE", "/dev/null"}});
}

CAF_TEST(a port is shared only when that is asked for) {
  CAF_CHECK(sound({}).http.sharing == port_sharing::off);
  CAF_CHECK(sound({{"BACKEND_HTTP_REUSE_PORT", "on"}}).http.sharing == port_sharing::on);
  CAF_CHECK(sound({{"BACKEND_HTTP_REUSE_PORT", "off"}}).http.sharing == port_sharing::off);
  for (const char* text : {"true", "1", "ON", "yes"})
    check_refused("BACKEND_HTTP_REUSE_PORT", text);
}

CAF_TEST(integers have bounds and no other form) {
  for (const char* text : {"-1", "1.5", "1e3", "5 5", "0x10", "1001", "18446744073709551616"})
    check_refused("BACKEND_POSTGRES_MAX_OPEN_CONNS", text);
  CAF_CHECK_EQUAL(sound({{"BACKEND_POSTGRES_MAX_OPEN_CONNS", "1000"}}).postgres.pool.workers_max, 1000u);
  CAF_CHECK_EQUAL(sound({{"BACKEND_POSTGRES_MAX_OPEN_CONNS", " 5\n"}}).postgres.pool.workers_max,
                  5u); // as from a file
}

CAF_TEST(durations have the form of Go) {
  CAF_CHECK(sound({{"BACKEND_POSTGRES_OPERATION_TIMEOUT", "1m30s"}}).postgres.pool.operation_timeout == 90s);
  CAF_CHECK(sound({{"BACKEND_POSTGRES_OPERATION_TIMEOUT", "0.25s"}}).postgres.pool.operation_timeout == 250ms);
  for (const char* text : {"5", "5 s", "-5s", "0s", "9ms", "301s", "five seconds"})
    check_refused("BACKEND_POSTGRES_OPERATION_TIMEOUT", text);
}

CAF_TEST(a service name is short and printable) {
  CAF_CHECK_EQUAL(sound({{"BACKEND_SERVICE_NAME", "scrabble backend"}}).telemetry.service_name,
                  "scrabble backend");
  check_refused("BACKEND_SERVICE_NAME", "a\nb");
  check_refused("BACKEND_SERVICE_NAME", std::string(129, 'x'));
}

CAF_TEST(a bound within a bound is lowered to it) {
  const settings s = sound({{"BACKEND_POSTGRES_MAX_OPEN_CONNS", "3"}, {"BACKEND_HTTP_MAX_CONNECTIONS", "100"}});
  CAF_CHECK_EQUAL(s.postgres.pool.workers_idle_max, 3u);
  CAF_CHECK_EQUAL(s.http.feed.subscribers_max, 100u);
}

CAF_TEST(the staleness bound leaves room for a read that fails) {
  CAF_CHECK_EQUAL(
    complaint("BACKEND_REVOCATION_POLL_INTERVAL", "16s"),
    "BACKEND_REVOCATION_MAX_STALENESS=\"30s\": takes at least twice BACKEND_REVOCATION_POLL_INTERVAL, "
    "which is 16s");
  CAF_CHECK(sound({{"BACKEND_REVOCATION_POLL_INTERVAL", "15s"}}).revocation.poll_interval == 15s);
}

CAF_TEST(the log reaches further back than the staleness bound) {
  CAF_CHECK_EQUAL(
    complaint("BACKEND_REVOCATION_RETENTION", "30s"),
    "BACKEND_REVOCATION_RETENTION=\"30s\": takes more than BACKEND_REVOCATION_MAX_STALENESS, which is 30s");
  CAF_CHECK(sound({{"BACKEND_REVOCATION_RETENTION", "31s"}}).revocation.retention == 31s);
}

CAF_TEST(a wrong value is not judged again with the others) {
  CAF_CHECK_EQUAL(problems(with({{"BACKEND_REVOCATION_MAX_STALENESS", "x"},
                                 {"BACKEND_REVOCATION_POLL_INTERVAL", "1m"},
                                 {"BACKEND_REVOCATION_RETENTION", "1s"}}))
                    .size(),
                  1u);
}

CAF_TEST(a build without OpenTelemetry refuses to export) {
  for (const char* name : {"BACKEND_OTEL_TRACES_EXPORTER", "BACKEND_OTEL_METRICS_EXPORTER"}) {
    CAF_CHECK_EQUAL(complaint(name, "otlp", false),
                    std::string{name} + "=\"otlp\": takes none: this build has no OpenTelemetry");
    CAF_CHECK_EQUAL(complaint(name, "stdout", false),
                    std::string{name} + "=\"stdout\": takes none: this build has no OpenTelemetry");
    CAF_CHECK_EQUAL(complaint(name, "jaeger", false),
                    std::string{name} + "=\"jaeger\": takes none, stdout or otlp");
    CAF_CHECK(problems(with({{name, "none"}}), false).empty());
  }
}

CAF_TEST(variables that nobody reads are found) {
  CAF_CHECK_EQUAL(unknown_variables(with({{"BACKEND_HTTP_ADR", ":1"}, {"BACKEND_X", ""}, {"PATH", "/bin"}})),
                  (std::vector<std::string>{"BACKEND_HTTP_ADR", "BACKEND_X"}));
  CAF_CHECK(unknown_variables(with({})).empty());
}

CAF_TEST(the environment of the process is taken by prefix) {
  ::setenv("BACKEND_SERVICE_NAME", "from the process=1", 1);
  ::setenv("NOT_BACKEND_X", "1", 1);
  const environment env = process_environment();
  CAF_CHECK_EQUAL(env.at("BACKEND_SERVICE_NAME"), "from the process=1");
  CAF_CHECK_EQUAL(env.count("NOT_BACKEND_X"), 0u);
  CAF_CHECK_EQUAL(env.count("PATH"), 0u);
}

CAF_TEST(what is shown can be given back) {
  const settings before = sound({{"BACKEND_HTTP_ADDR", "[::1]:99"},
                                 {"BACKEND_HTTP_IDLE_TIMEOUT", "1m1.5s"},
                                 {"BACKEND_OTEL_TRACES_EXPORTER", "otlp"}});
  environment shown;
  for (const variable& v : variables(role::service))
    shown.emplace(v.name, v.is_secret ? dsn : v.show(before));
  const settings after = sound(shown);
  for (const variable& v : variables(role::service))
    CAF_CHECK_EQUAL(v.show(before), v.show(after));
  CAF_CHECK_EQUAL(after.http.listen.at(0).host, "::1");
  CAF_CHECK(after.http.limits.idle_timeout == 61500ms);
}

CAF_TEST(the configuration is described with its sources and without its secrets) {
  const environment env = with({{"BACKEND_HTTP_ADDR", ":9"}, {"BACKEND_LOG_LEVEL", ""}});
  const std::string text = describe(sound({{"BACKEND_HTTP_ADDR", ":9"}}), env);
  const auto line = [&](const std::string& name) {
    const std::size_t at = text.find(name + '=');
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  };
  const auto holds = [](const std::string& all, const std::string& part) {
    return all.find(part) != std::string::npos;
  };
  CAF_CHECK(holds(line("BACKEND_HTTP_ADDR"), "BACKEND_HTTP_ADDR=:9  "));
  CAF_CHECK(holds(line("BACKEND_HTTP_ADDR"), "  # environment"));
  CAF_CHECK(holds(line("BACKEND_LOG_LEVEL"), "BACKEND_LOG_LEVEL=info  "));
  CAF_CHECK(holds(line("BACKEND_LOG_LEVEL"), "  # default"));
  CAF_CHECK(holds(line("BACKEND_POSTGRES_DSN"), "***"));
  CAF_CHECK_EQUAL(text.find("dev@"), std::string::npos);
  CAF_CHECK_EQUAL(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                  variables(role::service).size());
}

CAF_TEST(a secret may come in a file) {
  const secret_file file{dsn + "\n"};
  const environment env{{"BACKEND_POSTGRES_DSN_FILE", file.path}};
  CAF_CHECK(problems(env).empty());
  const auto loaded = load(role::service, env);
  const auto& s = std::get<settings>(loaded);
  CAF_CHECK_EQUAL(s.postgres.conninfo, sound({}).postgres.conninfo);
  CAF_CHECK(unknown_variables(env).empty());
  const std::string text = describe(s, env);
  CAF_CHECK_EQUAL(text.find("dev@"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(text.find("# BACKEND_POSTGRES_DSN_FILE\n"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help_table(role::service).find("BACKEND_POSTGRES_DSN_FILE"), std::string::npos);
}

CAF_TEST(a file of a secret that cannot be used is told without what it holds) {
  const std::string name = "BACKEND_POSTGRES_DSN_FILE";
  const auto only = [&](const environment& env) {
    const auto lines = problems(env);
    for (const auto& line : lines)
      CAF_CHECK_EQUAL(line.find("dev@"), std::string::npos);
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " complaints";
  };
  const secret_file good{dsn};
  CAF_CHECK_EQUAL(only({{name, good.path}, {"BACKEND_POSTGRES_DSN", dsn}}),
                  name + "=\"" + good.path
                    + "\": takes the place of BACKEND_POSTGRES_DSN, which is set as well: leave one of them out");
  CAF_CHECK_EQUAL(only({{name, "/no/such/file"}}),
                  name + "=\"/no/such/file\": takes the path of a file that can be read");
  CAF_CHECK_EQUAL(only({{name, "/"}}), name + "=\"/\": takes the path of a file that can be read");
  const secret_file empty{"\n"};
  CAF_CHECK_EQUAL(only({{name, empty.path}}), name + "=\"" + empty.path + "\": names a file that is empty");
  const secret_file unpinned{"postgres://postgres:dev@localhost:5432/postgres"};
  CAF_CHECK_NOT_EQUAL(only({{name, unpinned.path}}).find("search_path=backend"), std::string::npos);
  only({{name, dsn}}); // the secret itself, where its file should be named
}

CAF_TEST(every variable is described once and everywhere) {
  std::set<std::string> names;
  const std::string help = help_table(role::service);
  const std::string markdown = markdown_table(role::service);
  for (const variable& v : variables(role::service)) {
    CAF_CHECK(names.insert(v.name).second);
    CAF_CHECK(!v.help.empty() && !v.takes.empty());
    CAF_CHECK_NOT_EQUAL(help.find("  " + v.name + " ("), std::string::npos);
    CAF_CHECK_NOT_EQUAL(markdown.find("| `" + v.name + "` |"), std::string::npos);
  }
  CAF_CHECK_NOT_EQUAL(help.find("BACKEND_POSTGRES_DSN (required)"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help.find("BACKEND_REVOCATION_MAX_STALENESS (default 30s)"), std::string::npos);
  CAF_CHECK_EQUAL(static_cast<std::size_t>(std::count(markdown.begin(), markdown.end(), '\n')), names.size() + 2);
}

CAF_TEST(the readme has the table as it is) {
  std::ifstream file{PORTCULLIS_README};
  std::stringstream text;
  text << file.rdbuf();
  const std::string markdown = markdown_table(role::service);
  const bool is_there = text.str().find(markdown) != std::string::npos;
  if (!is_there)
    CAF_MESSAGE("README.md does not hold\n" << markdown);
  CAF_CHECK(is_there);
}
