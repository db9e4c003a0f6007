#include "db/support.hpp"

#include "db/dsn.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <thread>

namespace portcullis::test {

namespace {

[[noreturn]] void give_up(const std::string& why) {
  throw std::runtime_error(why);
}

db::connection connect_to(const db::connect_options& options) {
  db::connection conn;
  if (auto error = conn.open(options, soon()); error.code != errc::none)
    give_up(error.detail);
  return conn;
}

db::connect_options options_for(const std::string& dsn, const std::string& database) {
  auto parsed = db::parse_dsn(dsn);
  if (!parsed)
    give_up(parsed.error().detail);
  auto parameters = db::parse_conninfo(*parsed).value();
  if (!database.empty())
    db::set_parameter(parameters, "dbname", database);
  db::connect_options out;
  out.conninfo = db::to_conninfo(parameters);
  out.operation_timeout = patience;
  return out;
}

} // namespace

instant soon() {
  return boot_clock::now() + patience;
}

bool with_growing_time(const std::function<bool(instant)>& attempt) {
  for (std::chrono::milliseconds time{300}; time < patience; time *= 2)
    if (attempt(boot_clock::now() + time))
      return true;
  return false;
}

std::string private_postgres(const std::string& command, const std::string& directory,
                             const std::string& primary) {
  auto line = "'" PORTCULLIS_PRIVATE_POSTGRES "' " + command + " '" + directory + "'";
  if (!primary.empty())
    line += " '" + primary + "'";
  auto* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr)
    give_up("cannot run " + line);
  std::string printed;
  std::array<char, 512> buffer{};
  while (auto size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    printed.append(buffer.data(), size);
  auto status = ::pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    give_up(line + " failed");
  return printed.substr(0, printed.find('\n'));
}

std::string cluster_dsn() {
  if (const auto* dsn = std::getenv("PORTCULLIS_TEST_DSN"))
    return dsn;
  return private_postgres("start", PORTCULLIS_TEST_CLUSTER);
}

database::database(const std::string& suite, const std::string& dsn) : cluster_(dsn) {
  static std::atomic<int> count{0};
  name_ = "test_" + suite + "_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  auto admin = connect_to(options_for(cluster_, {}));
  // Of template1, which is taken else, the server makes none while somebody, its autovacuum for one, is in it.
  run(admin, "create database " + name_ + " template template0");
}

database::~database() {
  db::connection admin;
  if (admin.open(options_for(cluster_, {}), soon()).code == errc::none)
    db::run_script(admin, "drop database if exists " + name_ + " with (force)", soon());
}

db::connect_options database::options(std::chrono::milliseconds operation_timeout) const {
  auto out = options_for(cluster_, name_);
  out.operation_timeout = operation_timeout;
  return out;
}

db::connection database::connect(std::chrono::milliseconds operation_timeout) const {
  return connect_to(options(operation_timeout));
}

migrated_database::migrated_database(const std::string& suite, const std::string& dsn) : database(suite, dsn) {
  auto conn = connect();
  auto report = db::migrate(conn, db::embedded_migrations(), soon(), [](std::string_view) {});
  if (report.error.code != errc::none)
    give_up(report.error.detail);
}

std::int64_t number(db::connection& conn, const std::string& sql, const db::parameters& arguments) {
  auto said = db::ask(conn, "select (" + sql + ")::bigint", arguments, soon());
  if (!said.ok())
    give_up(said.error);
  auto value = (*said.rows)[0].next<std::int64_t>();
  if (said.rows->is_malformed())
    give_up("no number: " + sql);
  return value;
}

void run(db::connection& conn, const std::string& script) {
  if (auto said = db::run_script(conn, script, soon()); !said.ok())
    give_up(said.error);
}

uuid new_id() {
  thread_local uuid_v7_generator generator{fill_random};
  return generator.next(wall_clock_now());
}

token_hash new_hash() {
  token_hash out;
  fill_random(out.bytes.data(), out.bytes.size());
  return out;
}

store::session_draft new_draft(const std::string& label) {
  return {new_id(), new_hash(), {label, "agent/1", "192.0.2.7"}};
}

store::identity_claim new_claim(const std::string& external_id, std::optional<std::string> display_name) {
  return {{identity_kind::email, external_id}, new_id(), new_id(), std::move(display_name)};
}

store::outcome run_one(db::connection& conn, store::operation op) {
  auto report = db::execute(conn, {std::move(op)}, soon());
  if (!report.lost.empty())
    give_up("the outcome was lost: " + report.error);
  return report.outcomes.at(0);
}

errc code_of(const store::outcome& value) {
  const auto* failed = std::get_if<failure>(&value);
  return failed != nullptr ? failed->code : errc::none;
}

void wait_until_blocked(db::connection& conn, int backends) {
  auto deadline = soon();
  while (number(conn, "select count(*) from pg_stat_activity"
                      " where datname = current_database() and wait_event_type = 'Lock'")
         < backends) {
    if (boot_clock::now() > deadline)
      give_up("nobody waits for a lock");
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

void report_statistics(db::connection& conn) {
  run(conn, "select pg_stat_force_next_flush()");
}

unsigned random_seed() {
  const auto* text = std::getenv("PORTCULLIS_TEST_SEED");
  auto seed = text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : std::random_device{}();
  std::fprintf(stderr, "seed %u\n", seed);
  return seed;
}

uuid new_account(db::connection& conn) {
  return must(conn, store::create_guest{new_id()}).account_id;
}

store::minted new_session(db::connection& conn, const uuid& account_id) {
  return must(conn, store::mint_session{new_draft(), account_id});
}

session_status status_of(db::connection& conn, const token_hash& hash) {
  return must(conn, store::find_session{hash}).status;
}

void seat(db::connection& conn, const uuid& account_id) {
  db::parameters p;
  p.add(new_id()).add(account_id);
  auto said = db::ask(conn, "insert into game_players (game_id, account_id, seat) values ($1::uuid, $2::uuid, 1)",
                      p, soon());
  if (!said.ok())
    give_up(said.error);
}

} // namespace portcullis::test
