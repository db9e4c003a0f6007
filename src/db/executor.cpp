#include "db/executor.hpp"

#include "db/pipeline.hpp"
#include "db/sqlstate.hpp"
#include "db/statements.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace portcullis::db {

namespace {

/// Operations that commit together at most: bounds what one failure makes run again and how long row locks are
/// held.
constexpr std::size_t group_operations_max = 256;

/// What the transactions that write the revocation log may take in parameters: libpq sends in parts what is more,
/// and a client that is frozen between two parts would keep the log's lock (see `statement::takes_log_lock`).
constexpr std::size_t log_bytes_max = 7'000;
constexpr std::size_t log_bytes_each = 128;  // ids, a hash, their lengths
constexpr std::size_t audit_bytes_each = 64; // ids, the texts' lengths

/// How often a batch may go to the server: once, twice more to tell bad and blocked operations from their
/// neighbours, and the rest for transactions that collided.
constexpr int rounds_max = 8;

/// Positions in the batch, of operations of one kind.
using positions = std::vector<std::size_t>;

/// Operations that commit together, and how often they were parted from others.
struct work {
  positions members;
  int partings = 0;
};

/// What an operation must not share a group for: its statement changes the account's row once per transaction.
std::optional<uuid> exclusive_key(const operation& op) {
  if (const auto* revoke = std::get_if<revoke_account>(&op))
    return revoke->account_id;
  if (const auto* remove = std::get_if<delete_account>(&op))
    return remove->account_id;
  if (const auto* rename = std::get_if<set_display_name>(&op))
    return rename->account_id;
  return std::nullopt;
}

/// Several of these in one transaction would lock rows after the log's lock was taken, take long, or (seats) have
/// one answer for all.
bool runs_alone(const operation& op) {
  return std::holds_alternative<link_identity>(op) || std::holds_alternative<unlink_identity>(op)
         || std::holds_alternative<seat_player>(op) || std::holds_alternative<unseat_player>(op)
         || std::holds_alternative<unseat_game>(op) || std::holds_alternative<reap_guests>(op)
         || std::holds_alternative<delete_dead_sessions>(op) || std::holds_alternative<delete_dead_generations>(op)
         || std::holds_alternative<delete_expired_sessions>(op) || std::holds_alternative<prune_events>(op)
         || std::holds_alternative<record_audit>(op) || std::holds_alternative<prune_audit>(op)
         || std::holds_alternative<count_selected>(op) || std::holds_alternative<create_revocation_job>(op)
         || std::holds_alternative<work_on_revocation_jobs>(op) || std::holds_alternative<canary_step>(op);
}

const revocation_cause* log_cause(const operation& op) {
  if (const auto* revoke = std::get_if<revoke_session>(&op))
    return &revoke->cause;
  if (const auto* revoke = std::get_if<revoke_account>(&op))
    return &revoke->cause;
  const auto* remove = std::get_if<delete_account>(&op);
  return remove != nullptr ? &remove->cause : nullptr;
}

/// Room in a transaction.
class room {
public:
  /// Whether `op` fits beside those that were taken in before; then it is.
  bool take(const operation& op) {
    auto key = exclusive_key(op);
    auto bytes = log_bytes(op);
    auto members_max = runs_alone(op) ? 1 : group_operations_max;
    if (members_ >= members_max || (members_ > 0 && bytes_ + bytes > log_bytes_max)
        || (key && !keys_.insert(*key).second))
      return false;
    ++members_;
    bytes_ += bytes;
    return true;
  }

private:
  static std::size_t log_bytes(const operation& op) {
    const auto* cause = log_cause(op);
    if (cause == nullptr)
      return 0;
    const auto bytes = log_bytes_each + cause->reason.size() + cause->actor.size();
    const auto* remove = std::get_if<delete_account>(&op);
    return remove != nullptr ? bytes + audit_bytes(*remove) : bytes;
  }

  /// The audit of a deletion is written by the statement that writes the log.
  static std::size_t audit_bytes(const delete_account& op) {
    const auto& from = op.origin;
    return audit_bytes_each + op.cause.reason.size() + from.actor.size() + from.caller.size()
           + from.request_id.size() + from.address.size();
  }

  std::size_t members_ = 0;
  std::size_t bytes_ = 0;
  std::unordered_set<uuid> keys_;
};

/// Parts `members` into as few transactions as may be.
void add_groups(const std::vector<operation>& batch, positions members, std::vector<work>& to) {
  while (!members.empty()) {
    positions now;
    positions later;
    room left;
    for (auto at : members)
      (left.take(batch[at]) ? now : later).push_back(at);
    to.push_back({std::move(now)});
    members = std::move(later);
  }
}

/// By kind, reads first (the order of `operation`), so that they do not wait for anybody's row locks.
std::vector<work> group_by_kind(const std::vector<operation>& batch) {
  std::array<positions, std::variant_size_v<operation>> kinds;
  for (std::size_t i = 0; i < batch.size(); ++i)
    kinds[batch[i].index()].push_back(i);
  std::vector<work> groups;
  for (auto& kind : kinds)
    add_groups(batch, std::move(kind), groups);
  return groups;
}

/// Those that need the same locks together, in their order; of the others each for itself.
std::vector<positions> group_by_contention(const std::vector<operation>& batch, const positions& members) {
  std::vector<positions> groups;
  std::unordered_map<std::string, std::size_t> places;
  for (auto at : members) {
    auto key = contention_key(batch[at]);
    auto place = key.empty() ? places.end() : places.find(key);
    if (place != places.end()) {
      groups[place->second].push_back(at);
      continue;
    }
    if (!key.empty())
      places.emplace(std::move(key), groups.size());
    groups.push_back({at});
  }
  return groups;
}

std::vector<work> group_apart(const std::vector<operation>& batch) {
  std::vector<work> out;
  for (const auto& kind : group_by_kind(batch))
    for (auto& members : group_by_contention(batch, kind.members))
      out.push_back({std::move(members), 1});
  return out;
}

/// Parts of about the same number of parts as members in each: of n with one that fails, about 2 √n transactions
/// tell which, in two rounds.
std::vector<work> part(std::vector<positions> units, int partings) {
  std::size_t per_part = 1;
  if (partings == 0)
    while (per_part * per_part < units.size())
      ++per_part;
  std::vector<work> out;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (i % per_part == 0)
      out.push_back({{}, partings + 1});
    auto& members = out.back().members;
    members.insert(members.end(), units[i].begin(), units[i].end());
  }
  return out;
}

/// Calls `use` with the operations at `members`, as the `group` of their kind.
template <class Use>
auto with_group(const std::vector<operation>& batch, const positions& members, Use use) {
  return std::visit(
    [&](const auto& first) {
      using kind = std::decay_t<decltype(first)>;
      group<kind> ops;
      for (auto at : members)
        ops.push_back(std::get_if<kind>(&batch[at]));
      return use(ops);
    },
    batch[members.front()]);
}

template <class Op, class = void>
struct has_account_id : std::false_type {};
template <class Op>
struct has_account_id<Op, std::void_t<decltype(std::declval<const Op&>().account_id)>> : std::true_type {};

const char* sentence_for(errc code) {
  switch (code) {
  case errc::database_unavailable:
    return "the database did not answer in time";
  case errc::value_unacceptable:
    return "a value is not acceptable";
  case errc::account_seated:
    return "a game holds the account";
  default:
    return "an internal error";
  }
}

/// One batch on its way.
class execution {
public:
  execution(connection& conn, const std::vector<operation>& batch, instant deadline,
            const execute_options& options)
    : conn_(conn), batch_(batch), deadline_(deadline), options_(options), is_settled_(batch.size(), false) {
    report_.outcomes.assign(batch.size(), failure_of(errc::database_unavailable));
  }

  batch_report run() {
    auto groups = options_.by_contention ? group_apart(batch_) : group_by_kind(batch_);
    for (int round = 0; round < rounds_max && !groups.empty() && is_usable(); ++round) {
      std::vector<transaction> transactions;
      for (const auto& one : groups)
        transactions.push_back(
          with_group(batch_, one.members, [](const auto& ops) { return build_statements(ops); }));
      std::vector<work> again;
      run_pipeline(
        conn_, transactions, deadline_,
        [&](std::size_t at, transaction_report&& done) {
          settle(groups[at], done, again);
          tell();
        },
        &report_.error);
      groups = std::move(again);
    }
    // What still collides after so many rounds is known not to have been committed.
    if (is_usable())
      for (const auto& one : groups)
        fail(one.members, errc::database_unavailable);
    finish();
    return std::move(report_);
  }

private:
  bool is_usable() const {
    return conn_.is_open() && !report_.connection_lost;
  }

  static outcome failure_of(errc code) {
    return failure{code, sentence_for(code)};
  }

  void fail(const positions& members, errc code, const std::string& sqlstate = {}) {
    for (auto at : members) {
      auto became = failure_of(code);
      if (auto* why = std::get_if<failure>(&became))
        why->sqlstate = sqlstate;
      answer(at, std::move(became));
    }
  }

  void answer(std::size_t at, outcome value) {
    report_.outcomes[at] = std::move(value);
    is_settled_[at] = true;
    ++settled_count_;
    if (options_.on_settled)
      untold_.push_back(at);
  }

  /// Tells of what was settled while something is not. The last of it is told by the report.
  void tell() {
    if (untold_.empty() || settled_count_ + report_.blocked.size() >= batch_.size())
      return;
    std::vector<settled> news;
    for (auto at : untold_)
      news.push_back({at, std::move(report_.outcomes[at])});
    untold_.clear();
    options_.on_settled(std::move(news));
  }

  void settle(const work& one, transaction_report& done, std::vector<work>& again) {
    if (done.what == transaction_report::state::committed)
      settle_committed(one, done, again);
    else
      settle_failed(one, done, again);
  }

  void settle_committed(const work& one, transaction_report& done, std::vector<work>& again) {
    const auto& members = one.members;
    auto results = with_group(batch_, members, [&](const auto& ops) { return decode_results(done.results, ops); });
    auto malformed = std::any_of(done.results.begin(), done.results.end(),
                                 [](const result_set& rows) { return rows.is_malformed(); });
    if (malformed) {
      note("a result of an unexpected shape");
      return fail(members, errc::internal);
    }
    positions undecided;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (results[i])
        answer(members[i], std::move(*results[i]));
      else
        undecided.push_back(members[i]);
    }
    if (!undecided.empty())
      again.push_back({std::move(undecided), one.partings});
  }

  void settle_failed(const work& one, const transaction_report& done, std::vector<work>& again) {
    auto [what, code] = meaning_of(done.sqlstate);
    note(std::string{done.refused} + " refused with SQLSTATE " + done.sqlstate);
    report_.refusals.push_back({done.refused, done.sqlstate, code});
    switch (what) {
    case remedy::retry:
      again.push_back(one);
      return;
    case remedy::give_up:
      return fail(one.members, code, done.sqlstate);
    case remedy::reconnect:
      report_.connection_lost = true; // the operations stay unsettled: they may be run again elsewhere
      return;
    case remedy::wait:
      return part_blocked(one, again);
    case remedy::isolate:
      return part_bad(one, code, done.sqlstate, again);
    }
  }

  void part_blocked(const work& one, std::vector<work>& again) {
    auto units = group_by_contention(batch_, one.members);
    if (units.size() > 1)
      return append(part(std::move(units), one.partings), again);
    for (auto at : one.members) {
      is_settled_[at] = true;
      report_.blocked.push_back(at);
    }
  }

  void part_bad(const work& one, errc code, const std::string& sqlstate, std::vector<work>& again) {
    if (one.members.size() == 1)
      return fail(one.members, code, sqlstate);
    std::vector<positions> units;
    for (auto at : one.members)
      units.push_back({at});
    append(part(std::move(units), one.partings), again);
  }

  static void append(std::vector<work> parts, std::vector<work>& to) {
    for (auto& one : parts)
      to.push_back(std::move(one));
  }

  void note(std::string what) {
    if (report_.error.empty())
      report_.error = std::move(what);
  }

  void finish() {
    if (report_.connection_lost)
      conn_.close();
    report_.connection_lost = !conn_.is_open();
    for (std::size_t at = 0; at < batch_.size(); ++at)
      if (!is_settled_[at])
        report_.lost.push_back(at);
  }

  connection& conn_;
  const std::vector<operation>& batch_;
  instant deadline_;
  const execute_options& options_;
  std::vector<bool> is_settled_;
  std::size_t settled_count_ = 0;
  positions untold_; // settled, and not told of by `on_settled`
  batch_report report_;
};

} // namespace

batch_report execute(connection& conn, const std::vector<operation>& batch, instant deadline,
                     const execute_options& options) {
  return execution{conn, batch, deadline, options}.run();
}

std::string contention_key(const operation& op) {
  auto of_account = [](const uuid& id) {
    return std::string(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  };
  auto of_identity = [](const identity_key& key) {
    return std::string{to_string(key.kind)} + ':' + key.external_id;
  };
  return std::visit(
    [&](const auto& what) -> std::string {
      using kind = std::decay_t<decltype(what)>;
      if constexpr (std::is_same_v<kind, mint_for_identity> || std::is_same_v<kind, find_or_create_account>)
        return of_identity(what.claim.key);
      else if constexpr (std::is_same_v<kind, revoke_session>)
        return what.owner ? of_account(*what.owner) : std::string{};
      else if constexpr (kind::is_write && has_account_id<kind>::value)
        return of_account(what.account_id);
      else
        return {};
    },
    op);
}

} // namespace portcullis::db
