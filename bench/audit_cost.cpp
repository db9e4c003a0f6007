#include "db/audit_sql.hpp"
#include "db/sql.hpp"
#include "db/statements.hpp"
#include "db/support.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

/// What the audit adds to a mint and to a revocation: the service's own transactions beside the same ones without
/// their audit, in turns on one connection. Processor time is that of PostgreSQL's process for the connection.
///
///     audit_cost_bench [ROUNDS [durable]]        (on the private cluster of the build directory)
///
/// Commits wait for the disk only when `durable` is asked for: what they take is the same with the audit and
/// without.
namespace {

using namespace portcullis;
using namespace portcullis::test;

constexpr int accounts = 20'000;
constexpr int turns_per_round = 20;

/// A statement without what it does for the audit, and which of its parameters that leaves.
struct plain_call {
  std::string name;
  std::string sql;
  std::vector<std::size_t> parameters;
};

bool erase(std::string& text, const std::string& what) {
  auto at = text.find(what);
  if (at == std::string::npos)
    return false;
  text.erase(at, what.size());
  return true;
}

std::size_t end_of_parenthesis(const std::string& text, std::size_t open) {
  int depth = 0;
  for (auto at = open; at < text.size(); ++at) {
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    if (depth == 0)
      return at + 1;
  }
  throw std::runtime_error("no end of a parenthesis");
}

void erase_audited(std::string& sql) {
  static const std::string head = ", audited as (";
  if (auto at = sql.find(head); at != std::string::npos)
    sql.erase(at, end_of_parenthesis(sql, at + head.size() - 1) - at);
}

plain_call without_audit(const db::statement& what, std::size_t parameters) {
  plain_call out{std::string{"plain_"} + what.name, what.sql, {}};
  std::size_t first = 0; // of the origins' parameters
  for (std::size_t k = 1; k <= parameters && first == 0; ++k)
    if (erase(out.sql, ", " + db::sql::origin_arrays(static_cast<int>(k))))
      first = k;
  while (erase(out.sql, std::string{", "} + std::string{db::sql::origin_columns})) {
  }
  erase_audited(out.sql);
  erase(out.sql, " cross join (select count(*) from audited) entries");
  for (std::size_t k = 1; k <= parameters; ++k) {
    if (first != 0 && k >= first && k < first + db::sql::origin_array_count)
      continue;
    out.parameters.push_back(k - 1);
    if (first != 0 && k >= first + db::sql::origin_array_count)
      out.sql = std::regex_replace(out.sql, std::regex{"\\$" + std::to_string(k) + "\\b"},
                                   "$$" + std::to_string(k - db::sql::origin_array_count));
  }
  return out;
}

class bench {
public:
  bench(int rounds, bool waits_for_disk) : rounds_(rounds), db_("audit_cost"), conn_(db_.connect()) {
    pid_ = PQbackendPID(conn_.native());
    for (int i = 0; i < accounts; ++i)
      ids_.push_back(new_id());
    db::parameters p;
    p.add_each(ids_, [](const uuid& id) { return id; });
    if (!db::ask(conn_, "insert into accounts (account_id, is_guest) select i, false from unnest($1::uuid[]) i", p,
                 soon())
           .ok())
      throw std::runtime_error("no accounts");
    if (PQenterPipelineMode(conn_.native()) == 0)
      throw std::runtime_error("no pipeline");
    for (int n = 0; n < 5; ++n)
      mint(20'000);
    send_one("",
             "insert into audit_events (event_id, occurred_at, action, actor, account_id, session_id, caller)"
             " select audit_event_id(created_at, row_number() over ()), created_at, 'session.minted', 'internal', "
             "account_id, session_id, 'gateway' from sessions",
             {}, {});
    sync();
    auto other = db_.connect();
    run(other, "vacuum analyze");
    if (!waits_for_disk) {
      send_one("", "set synchronous_commit = off", {}, {});
      sync();
    }
  }

  template <class Op>
  void compare(const char* what, std::size_t batch, const std::function<Op()>& make) {
    sums with, without;
    for (int round = -1; round < rounds_; ++round)
      for (auto* side : {&with, &without}) {
        auto lsn = number_of("select (pg_current_wal_lsn() - '0/0')::text");
        auto cpu = cpu_ns();
        for (int turn = 0; turn < turns_per_round; ++turn) {
          std::vector<Op> ops;
          for (std::size_t i = 0; i < batch; ++i)
            ops.push_back(make());
          db::group<Op> group;
          for (const auto& op : ops)
            group.push_back(&op);
          auto statements = db::build_statements(group);
          auto began = boot_clock::now();
          send(statements, side == &without);
          if (round >= 0)
            side->wall.push_back(std::chrono::duration<double, std::micro>(boot_clock::now() - began).count());
        }
        if (round < 0)
          continue;
        side->cpu.push_back(static_cast<double>(cpu_ns() - cpu) / 1e3 / turns_per_round);
        side->wal += number_of("select (pg_current_wal_lsn() - '0/0')::text") - lsn;
      }
    auto a = with.result(rounds_), b = without.result(rounds_);
    std::printf("%-28s cpu %8.1f / %8.1f us = %.2f   wall %8.1f / %8.1f us = %.2f   wal %7.0f / %7.0f B = %.2f\n",
                what, a.cpu, b.cpu, a.cpu / b.cpu, a.wall, b.wall, a.wall / b.wall, a.wal, b.wal, a.wal / b.wal);
    std::fflush(stdout);
  }

  uuid any_account() {
    return ids_[next_++ * 7919 % ids_.size()];
  }

  audit_origin origin() const {
    audit_origin out;
    out.actor = "internal";
    out.caller = "gateway";
    out.request_id = "01935c5e-7d3a-7c40-9f8e-0242ac120002";
    out.trace_id.fill(0x5a);
    out.address = "192.0.2.7";
    return out;
  }

  uuid some_session() {
    if (sessions_.empty())
      mint(20'000);
    auto id = sessions_.back();
    sessions_.pop_back();
    return id;
  }

private:
  struct figures {
    double cpu, wall, wal;
  };
  struct sums {
    std::vector<double> wall, cpu;
    double wal = 0;
    figures result(int rounds) {
      auto middle = [](std::vector<double>& v) {
        std::sort(v.begin(), v.end());
        return v[v.size() / 2];
      };
      return {middle(cpu), middle(wall), wal / rounds / turns_per_round};
    }
  };

  void mint(int n) {
    db::parameters p;
    std::vector<uuid> ids, owners;
    std::vector<token_hash> hashes;
    for (int i = 0; i < n; ++i) {
      ids.push_back(new_id());
      hashes.push_back(new_hash());
      owners.push_back(any_account());
    }
    sessions_ = ids;
    std::shuffle(sessions_.begin(), sessions_.end(), std::minstd_rand{1});
    p.add_each(ids, [](const uuid& id) { return id; });
    p.add_each(hashes, [](const token_hash& h) { return h; });
    p.add_each(owners, [](const uuid& id) { return id; });
    send_one("",
             "insert into sessions (session_id, account_id, token_hash, generation) select i, a, h, 0 from"
             " unnest($1::uuid[], $2::bytea[], $3::uuid[]) q(i, h, a)",
             p, {0, 1, 2});
    sync();
  }

  void send_one(const std::string& name, const std::string& sql, const db::parameters& p,
                const std::vector<std::size_t>& which) {
    auto view = p.to_libpq();
    db::parameters::view some;
    for (auto at : which) {
      some.values.push_back(view.values[at]);
      some.lengths.push_back(view.lengths[at]);
      some.formats.push_back(1);
    }
    auto* native = conn_.native();
    if (name.empty() || prepared_.insert(name).second) {
      PQsendPrepare(native, name.c_str(), sql.c_str(), 0, nullptr);
    }
    PQsendQueryPrepared(native, name.c_str(), static_cast<int>(which.size()), some.values.data(),
                        some.lengths.data(), some.formats.data(), 1);
  }

  void send(const db::transaction& statements, bool plain) {
    for (const auto& one : statements) {
      auto count = one.arguments.to_libpq().values.size();
      if (plain && one.what->sql.find(" insert into audit_events") == 0)
        continue;
      if (plain) {
        auto found = plain_.find(one.what->name);
        if (found == plain_.end())
          found = plain_.emplace(one.what->name, without_audit(*one.what, count)).first;
        send_one(found->second.name, found->second.sql, one.arguments, found->second.parameters);
      } else {
        std::vector<std::size_t> all(count);
        for (std::size_t i = 0; i < count; ++i)
          all[i] = i;
        send_one(one.what->name, one.what->sql, one.arguments, all);
      }
    }
    sync();
  }

  std::string sync() {
    auto* native = conn_.native();
    PQpipelineSync(native);
    std::string first;
    for (bool synced = false; !synced;) {
      bool lost = false;
      auto result = db::next_result(conn_, soon(), &lost);
      if (lost)
        throw std::runtime_error("lost");
      if (!result)
        continue;
      switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        synced = true;
        break;
      case PGRES_TUPLES_OK:
        if (PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0)
          first = PQgetvalue(result.get(), 0, 0);
        break;
      case PGRES_COMMAND_OK:
        break;
      default:
        throw std::runtime_error(PQresultErrorMessage(result.get()));
      }
    }
    return first;
  }

  double number_of(const std::string& sql) {
    send_one("", sql, {}, {});
    return std::strtod(sync().c_str(), nullptr);
  }

  std::uint64_t cpu_ns() const {
    std::ifstream in{"/proc/" + std::to_string(pid_) + "/schedstat"};
    std::uint64_t out = 0;
    in >> out;
    return out;
  }

  int rounds_;
  migrated_database db_;
  db::connection conn_;
  int pid_ = 0;
  std::size_t next_ = 0;
  std::vector<uuid> ids_, sessions_;
  std::set<std::string> prepared_;
  std::map<std::string, plain_call> plain_;
};

} // namespace

int main(int argc, char** argv) {
  bench b{argc > 1 ? std::atoi(argv[1]) : 100, argc > 2 && std::string{argv[2]} == "durable"};
  auto mint = [&] { return store::mint_session{new_draft(), b.any_account(), b.origin()}; };
  b.compare<store::mint_session>("mint_session x 1", 1, mint);
  b.compare<store::mint_session>("mint_session x 64", 64, mint);
  auto revoke = [&] {
    return store::revoke_session{b.some_session(), {}, {"log-out", "internal"}, new_id(), b.origin()};
  };
  b.compare<store::revoke_session>("revoke_session x 1", 1, revoke);
  b.compare<store::revoke_session>("revoke_session x 64", 64, revoke);
  auto end_all = [&] {
    return store::revoke_account{b.any_account(), {}, {"log-out", "internal"}, new_id(), b.origin()};
  };
  b.compare<store::revoke_account>("revoke_account x 1", 1, end_all);
  b.compare<store::revoke_account>("revoke_account x 64", 64, end_all);
}
