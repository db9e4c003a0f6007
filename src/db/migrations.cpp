#include "db/migrations.hpp"

#include "core/hex.hpp"
#include "db/advisory_locks.hpp"
#include "db/exchange.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace portcullis::db {

namespace {

constexpr std::chrono::milliseconds lock_poll_interval{100};

constexpr std::string_view insufficient_privilege = "42501";

using checksum = std::string; // lower-case hexadecimal

checksum checksum_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  checksum out(std::size_t{2} * size, '\0');
  hex::write(digest.data(), size, out.data());
  return out;
}

struct applied_migration {
  std::string name;
  checksum sum;
};

/// One run. Its steps return false once `report` holds an error.
class run {
public:
  run(connection& conn, instant deadline, const std::function<void(std::string_view)>& progress)
    : conn_(conn), deadline_(deadline), progress_(progress) {}

  migration_report apply(const std::vector<migration>& migrations) {
    // Building an index may take longer than an operation; `deadline` bounds it all.
    if (script("set statement_timeout = 0; set lock_timeout = 0;"
               " select set_config('transaction_timeout', '0', false)"
               " where current_setting('server_version_num')::integer >= 170000")
        && lock()) {
      if (prepare_schema() && read_applied() && check(migrations))
        for (const auto& one : migrations)
          if (applied_.count(one.number) == 0 && !apply_one(one))
            break;
      unlock();
    }
    return std::move(report_);
  }

private:
  // Polled: a session that blocks in pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY in the
  // session that has the lock would wait for that snapshot: a deadlock.
  bool lock() {
    bool is_told = false;
    parameters p;
    p.add(migration_lock);
    while (true) {
      auto got = ask(conn_, "select pg_try_advisory_lock($1::bigint)", p, deadline_);
      if (!got.ok())
        return fail(got.error);
      if ((*got.rows)[0].next<bool>())
        return true;
      if (boot_clock::now() + lock_poll_interval >= deadline_)
        return fail("another process has been migrating for longer than the deadline");
      if (!is_told)
        progress_("waiting for another process that migrates");
      is_told = true;
      std::this_thread::sleep_for(lock_poll_interval);
    }
  }

  void unlock() {
    parameters p;
    p.add(migration_lock);
    ask(conn_, "select pg_advisory_unlock($1::bigint)", p, deadline_);
    script("reset statement_timeout; reset lock_timeout");
  }

  // `if not exists` asks for the right to create before it looks: who serves may have none, and a schema may have
  // been made for who migrates.
  bool prepare_schema() {
    return script("do $$ begin if to_regnamespace('backend') is null then create schema backend; end if;"
                  " if to_regclass('backend.schema_migrations') is null then"
                  " create table backend.schema_migrations (number integer primary key, name text not null,"
                  " checksum text not null, applied_at timestamptz not null default now()); end if; end $$");
  }

  bool read_applied() {
    auto recorded =
      ask(conn_, "select number, name, checksum from backend.schema_migrations order by number", {}, deadline_);
    if (!recorded.ok())
      return fail(recorded.error);
    for (int i = 0; i < recorded.rows->size(); ++i) {
      auto one = (*recorded.rows)[i];
      auto number = one.next<std::int32_t>();
      auto name = one.next<std::string>();
      applied_[number] = {std::move(name), one.next<std::string>()};
    }
    return !recorded.rows->is_malformed() || fail("backend.schema_migrations has other columns than expected");
  }

  bool check(const std::vector<migration>& migrations) {
    for (const auto& [number, recorded] : applied_) {
      auto known = std::find_if(migrations.begin(), migrations.end(),
                                [n = number](const migration& one) { return one.number == n; });
      if (known == migrations.end())
        return refuse("the database has migration " + recorded.name + ", which this version does not know");
      if (checksum_of(known->sql) != recorded.sum)
        return refuse("migration " + std::string{known->name} + " was edited after it was applied");
    }
    return true;
  }

  bool apply_one(const migration& one) {
    auto began = boot_clock::now();
    if (!script("begin") || !script(std::string{one.sql}, one.name) || !record(one) || !script("commit")) {
      if (conn_.is_open())
        run_script(conn_, "rollback", deadline_);
      return false;
    }
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(boot_clock::now() - began);
    report_.applied.emplace_back(one.name);
    progress_("applied " + std::string{one.name} + " in " + std::to_string(took.count()) + " ms");
    return true;
  }

  bool record(const migration& one) {
    auto sum = checksum_of(one.sql);
    parameters p;
    p.add(std::int64_t{one.number}).add(one.name).add(std::string_view{sum});
    auto done = ask(conn_,
                    "insert into backend.schema_migrations (number, name, checksum)"
                    " values ($1::bigint, $2::text, $3::text)",
                    p, deadline_);
    return done.ok() || fail(done.error);
  }

  bool script(const std::string& sql, std::string_view what = {}) {
    auto done = run_script(conn_, sql, deadline_);
    report_.is_permanent = report_.is_permanent || done.sqlstate == insufficient_privilege;
    return done.ok() || fail(what.empty() ? done.error : std::string{what} + ": " + done.error);
  }

  bool fail(std::string_view why) {
    if (report_.error.code == errc::none)
      report_.error = {errc::database_unavailable, std::string{why}};
    return false;
  }

  bool refuse(const std::string& why) {
    report_.is_permanent = true;
    return fail(why);
  }

  connection& conn_;
  instant deadline_;
  const std::function<void(std::string_view)>& progress_;
  migration_report report_;
  std::map<int, applied_migration> applied_;
};

} // namespace

migration_report migrate(connection& conn, const std::vector<migration>& migrations, instant deadline,
                         const std::function<void(std::string_view)>& progress) {
  return run{conn, deadline, progress}.apply(migrations);
}

} // namespace portcullis::db
