#include <libpq-fe.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

/// A login as a program makes it that speaks to PostgreSQL itself, one operation in one transaction: begin, the
/// account, its identity, its session, commit, each a prepared statement with a round trip of its own. Every
/// client is a thread with its own connection. Prints one line of JSON.
///
///     libpq_mint DSN CLIENTS SECONDS
namespace {

using clock_type = std::chrono::steady_clock;

struct statement {
  const char* name;
  const char* sql;
};

constexpr statement insert_account{
  "account", "insert into backend.accounts (account_id, is_guest) values ($1, false) returning created_at"};
constexpr statement insert_identity{"identity",
                                    "insert into backend.identities (identity_id, account_id, kind, external_id) "
                                    "values ($1, $2, 'telegram', $3) on conflict do nothing"};
constexpr statement insert_session{"session",
                                   "insert into backend.sessions (session_id, account_id, token_hash, generation) "
                                   "values ($1, $2, sha256($3::text::bytea), 0) returning created_at"};

[[noreturn]] void fail(PGconn* connection) {
  std::fprintf(stderr, "libpq_mint: %s", PQerrorMessage(connection));
  std::exit(1);
}

void expect(PGconn* connection, PGresult* result) {
  const auto status = PQresultStatus(result);
  PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    fail(connection);
}

class client {
public:
  client(const char* dsn, unsigned seed) : random_(seed), connection_(PQconnectdb(dsn)) {
    if (PQstatus(connection_) != CONNECTION_OK)
      fail(connection_);
    for (const auto& each : {insert_account, insert_identity, insert_session})
      expect(connection_, PQprepare(connection_, each.name, each.sql, 0, nullptr));
  }
  ~client() {
    PQfinish(connection_);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void mint_until(const std::atomic<bool>& is_over) {
    while (!is_over) {
      const auto began = clock_type::now();
      mint();
      took_us.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - began).count());
    }
  }

  std::vector<double> took_us;

private:
  std::string make_id() {
    char text[37];
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx", static_cast<unsigned>(random_()),
                  static_cast<unsigned>(random_() & 0xffff), static_cast<unsigned>(random_() & 0xfff),
                  static_cast<unsigned>(random_() & 0xfff),
                  static_cast<unsigned long long>(random_() & 0xffff'ffff'ffff));
    return text;
  }

  void run(const statement& what, const std::vector<const char*>& values) {
    expect(connection_, PQexecPrepared(connection_, what.name, static_cast<int>(values.size()), values.data(),
                                       nullptr, nullptr, 0));
  }

  void mint() {
    const auto account = make_id();
    const auto identity = make_id();
    const auto session = make_id();
    const auto external = std::to_string(random_() >> 1);
    expect(connection_, PQexec(connection_, "begin"));
    run(insert_account, {account.c_str()});
    run(insert_identity, {identity.c_str(), account.c_str(), external.c_str()});
    run(insert_session, {session.c_str(), account.c_str(), session.c_str()});
    expect(connection_, PQexec(connection_, "commit"));
  }

  std::mt19937_64 random_;
  PGconn* connection_;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: libpq_mint DSN CLIENTS SECONDS\n");
    return 2;
  }
  const auto clients_count = std::strtoul(argv[2], nullptr, 10);
  const std::chrono::duration<double> length{std::strtod(argv[3], nullptr)};
  std::random_device seed;
  std::vector<std::unique_ptr<client>> clients;
  for (unsigned long i = 0; i < clients_count; ++i)
    clients.push_back(std::make_unique<client>(argv[1], seed()));
  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  const auto began = clock_type::now();
  for (auto& each : clients)
    threads.emplace_back([&is_over, &each] { each->mint_until(is_over); });
  std::this_thread::sleep_for(length);
  is_over = true;
  for (auto& each : threads)
    each.join();
  const std::chrono::duration<double> lasted = clock_type::now() - began;
  std::vector<double> took_us;
  for (const auto& each : clients)
    took_us.insert(took_us.end(), each->took_us.begin(), each->took_us.end());
  if (took_us.empty())
    return 1;
  std::sort(took_us.begin(), took_us.end());
  std::printf("{\"requests\":%zu,\"per_s\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n", took_us.size(),
              static_cast<double>(took_us.size()) / lasted.count(), took_us[took_us.size() / 2],
              took_us[took_us.size() * 99 / 100]);
}
