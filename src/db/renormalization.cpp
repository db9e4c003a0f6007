#include "db/renormalization.hpp"

#include "db/advisory_locks.hpp"
#include "db/exchange.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace portcullis::db {

namespace {

constexpr std::int64_t batch_rows_max = 500; // of one transaction

constexpr std::string_view step_name = "normalize_email_identities";

struct stored_identity {
  uuid identity_id;
  std::string external_id;
};

// Waited for, not tried: its holder does the same work, a batch at a time. The lock is the transaction's.
constexpr auto lock = "select pg_advisory_xact_lock($1::bigint)";

constexpr auto open_step = "insert into backend.data_steps (name) values ($1::text) on conflict do nothing";

constexpr auto read_step = "select coalesce(reached, '00000000-0000-0000-0000-000000000000'), done_at is not null"
                           " from backend.data_steps where name = $1::text";

// By the primary key, and a bounded number of rows whatever they hold.
constexpr auto read_batch =
  "with walked as materialized (select identity_id, kind, external_id from backend.identities"
  " where identity_id > $1::uuid order by identity_id limit $2::bigint)"
  " select identity_id, case when kind = 'email' and external_id ~ '[^\\x01-\\x7f]' then external_id end"
  " from walked order by identity_id";

// Nobody else can have the normal form: the unique index would wait for a transaction that is just claiming it,
// and then say so.
constexpr auto rewrite =
  "update backend.identities i set external_id = $2::text where i.identity_id = $1::uuid and i.external_id = "
  "$3::text"
  " and not exists (select from backend.identities k where k.kind = i.kind and k.external_id = $2::text)"
  " returning true";

constexpr auto find_holder = "select k.identity_id, k.account_id, i.account_id from backend.identities i"
                             " join backend.identities k on k.kind = i.kind and k.external_id = $2::text"
                             " where i.identity_id = $1::uuid and k.identity_id <> i.identity_id";

constexpr auto keep_progress = "update backend.data_steps set reached = $2::uuid,"
                               " done_at = case when $3::bigint < $4::bigint then now() end where name = $1::text";

/// One run. Its steps return false once `report` holds an error.
class run {
public:
  run(connection& conn, const normalizer& normalize, instant deadline,
      const std::function<void(std::string_view)>& report_collision)
    : conn_(conn), normalize_(normalize), deadline_(deadline), report_collision_(report_collision) {}

  renormalization_report go() {
    while (!is_done_ && batch()) {
    }
    if (report_.error.code != errc::none && conn_.is_open())
      run_script(conn_, "rollback", deadline_);
    return std::move(report_);
  }

private:
  bool batch() {
    parameters which;
    which.add(data_step_lock);
    if (!script("begin") || !ask_for(lock, which) || !read_progress())
      return false;
    if (is_done_)
      return script("commit");
    std::vector<stored_identity> candidates;
    if (!read_candidates(candidates))
      return false;
    for (const auto& one : candidates)
      if (!renormalize(one))
        return false;
    return write_progress() && script("commit");
  }

  bool read_progress() {
    parameters p;
    p.add(step_name);
    if (!ask_for(open_step, p))
      return false;
    auto said = ask_for(read_step, p);
    if (!said || said->size() != 1)
      return false;
    auto step = (*said)[0];
    reached_ = step.next<uuid>();
    is_done_ = step.next<bool>();
    report_.was_done_before = is_done_ && report_.looked_at == 0;
    return true;
  }

  bool read_candidates(std::vector<stored_identity>& out) {
    parameters p;
    p.add(reached_).add(batch_rows_max);
    auto said = ask_for(read_batch, p);
    if (!said)
      return false;
    walked_ = said->size();
    for (int i = 0; i < walked_; ++i) {
      auto one = (*said)[i];
      reached_ = one.next<uuid>();
      if (auto external_id = one.next<std::optional<std::string>>())
        out.push_back({reached_, std::move(*external_id)});
    }
    report_.looked_at += static_cast<std::size_t>(walked_);
    return true;
  }

  bool renormalize(const stored_identity& one) {
    auto normal = normalize_(one.external_id);
    if (!normal) {
      ++report_.refused;
      return true;
    }
    if (*normal == one.external_id)
      return true;
    parameters p;
    p.add(one.identity_id).add(std::string_view{*normal});
    auto with_old = p;
    with_old.add(std::string_view{one.external_id});
    auto done = ask_for(rewrite, with_old);
    if (!done)
      return false;
    if (done->size() == 1) {
      ++report_.updated;
      return true;
    }
    return tell_collision(p);
  }

  bool tell_collision(const parameters& one) {
    auto said = ask_for(find_holder, one);
    if (!said)
      return false;
    if (said->size() == 0)
      return true; // it was unlinked meanwhile
    auto holder = (*said)[0];
    auto identity_id = to_string(holder.next<uuid>());
    auto account_id = to_string(holder.next<uuid>());
    ++report_.collisions;
    report_collision_("an e-mail identity of account " + to_string(holder.next<uuid>())
                      + " has the normal form of identity " + identity_id + " of account " + account_id
                      + ": both are left as they are");
    return true;
  }

  bool write_progress() {
    is_done_ = walked_ < batch_rows_max;
    parameters p;
    p.add(step_name).add(reached_).add(std::int64_t{walked_}).add(batch_rows_max);
    return ask_for(keep_progress, p).has_value();
  }

  bool script(const char* sql) {
    auto said = run_script(conn_, sql, deadline_);
    return said.ok() || fail(said.error);
  }

  std::optional<result_set> ask_for(const char* sql, const parameters& arguments) {
    auto said = ask(conn_, sql, arguments, deadline_);
    if (!said.ok())
      fail(said.error);
    return std::move(said.rows);
  }

  bool fail(std::string_view why) {
    if (report_.error.code == errc::none)
      report_.error = {errc::database_unavailable, std::string{why}};
    return false;
  }

  connection& conn_;
  const normalizer& normalize_;
  instant deadline_;
  const std::function<void(std::string_view)>& report_collision_;
  renormalization_report report_;
  uuid reached_;
  int walked_ = 0;
  bool is_done_ = false;
};

} // namespace

renormalization_report renormalize_identities(connection& conn, const normalizer& normalize, instant deadline,
                                              const std::function<void(std::string_view)>& report_collision) {
  return run{conn, normalize, deadline, report_collision}.go();
}

} // namespace portcullis::db
