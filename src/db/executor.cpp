#include "db/executor.hpp"

#include "db/pipeline.hpp"
#include "db/sqlstate.hpp"
#include "db/statements.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <type_traits>
#include <unordered_set>
#include <utility>

namespace portcullis::db {

namespace {

/// Operations that commit together at most: bounds what one failure makes run again and how long row locks are
/// held.
constexpr std::size_t group_operations_max = 256;

/// How often a batch may go to the server: once, once more to isolate a bad operation, and the rest for
/// transactions that collided.
constexpr int rounds_max = 6;

/// Positions in the batch, of operations of one kind.
using positions = std::vector<std::size_t>;

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
         || std::holds_alternative<prune_events>(op);
}

/// By kind, reads first (the order of `operation`), so that they do not wait for anybody's row locks.
std::vector<positions> group_by_kind(const std::vector<operation>& batch) {
  std::array<positions, std::variant_size_v<operation>> kinds;
  for (std::size_t i = 0; i < batch.size(); ++i)
    kinds[batch[i].index()].push_back(i);
  std::vector<positions> groups;
  for (auto& kind : kinds) {
    while (!kind.empty()) {
      positions now;
      positions later;
      std::unordered_set<uuid> keys;
      for (auto at : kind) {
        auto key = exclusive_key(batch[at]);
        auto members_max = runs_alone(batch[at]) ? 1 : group_operations_max;
        bool fits = now.size() < members_max && (!key || keys.insert(*key).second);
        (fits ? now : later).push_back(at);
      }
      groups.push_back(std::move(now));
      kind = std::move(later);
    }
  }
  return groups;
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
  execution(connection& conn, const std::vector<operation>& batch, instant deadline)
    : conn_(conn), batch_(batch), deadline_(deadline), is_settled_(batch.size(), false) {
    report_.outcomes.assign(batch.size(), failure_of(errc::database_unavailable));
  }

  batch_report run() {
    auto groups = group_by_kind(batch_);
    for (int round = 0; round < rounds_max && !groups.empty() && is_usable(); ++round) {
      std::vector<transaction> transactions;
      for (const auto& members : groups)
        transactions.push_back(with_group(batch_, members, [](const auto& ops) { return build_statements(ops); }));
      auto done = run_pipeline(conn_, transactions, deadline_, &report_.trouble);
      std::vector<positions> again;
      for (std::size_t i = 0; i < groups.size(); ++i)
        settle(groups[i], done[i], again);
      groups = std::move(again);
    }
    // What still collides after so many rounds is known not to have been committed.
    if (is_usable())
      for (const auto& members : groups)
        fail(members, errc::database_unavailable);
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

  void fail(const positions& members, errc code) {
    for (auto at : members)
      answer(at, failure_of(code));
  }

  void answer(std::size_t at, outcome value) {
    report_.outcomes[at] = std::move(value);
    is_settled_[at] = true;
  }

  void settle(const positions& members, transaction_report& done, std::vector<positions>& again) {
    switch (done.what) {
    case transaction_report::state::lost:
      return;
    case transaction_report::state::committed:
      return settle_committed(members, done, again);
    case transaction_report::state::failed:
      return settle_failed(members, done, again);
    }
  }

  void settle_committed(const positions& members, transaction_report& done, std::vector<positions>& again) {
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
      again.push_back(std::move(undecided));
  }

  void settle_failed(const positions& members, const transaction_report& done, std::vector<positions>& again) {
    auto [what, code] = meaning_of(done.sqlstate);
    note(std::string{done.refused} + " refused with SQLSTATE " + done.sqlstate);
    switch (what) {
    case remedy::retry:
      return again.push_back(members);
    case remedy::give_up:
      return fail(members, code);
    case remedy::reconnect:
      report_.connection_lost = true; // the operations stay unsettled: they may be run again elsewhere
      return;
    case remedy::isolate:
      if (members.size() == 1)
        return fail(members, code);
      for (auto at : members)
        again.push_back({at});
    }
  }

  void note(std::string what) {
    if (report_.trouble.empty())
      report_.trouble = std::move(what);
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
  std::vector<bool> is_settled_;
  batch_report report_;
};

} // namespace

batch_report execute(connection& conn, const std::vector<operation>& batch, instant deadline) {
  return execution{conn, batch, deadline}.run();
}

} // namespace portcullis::db
