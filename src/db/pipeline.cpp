#include "db/pipeline.hpp"

#include "core/failpoint.hpp"
#include "db/exchange.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

namespace portcullis::db {

namespace {

constexpr std::string_view unknown_statement = "26000"; // invalid_sql_statement_name

/// One run of a pipeline: what was sent, and what is therefore expected back, in order.
class run {
public:
  run(connection& conn, const std::vector<transaction>& transactions, instant deadline,
      const transaction_done& done)
    : conn_(conn), transactions_(transactions), deadline_(deadline), done_(done), reports_(transactions.size()) {}

  /// Empty, or why it stopped.
  std::string go() {
    return send() ? receive() : failure_of_libpq();
  }

  std::size_t transactions_done() const {
    return done_count_;
  }

private:
  std::string failure_of_libpq() const {
    return PQstatus(native()) == CONNECTION_BAD ? first_line(PQerrorMessage(native()))
                                                : "no answer within the deadline";
  }

  bool send() {
    if (PQpipelineStatus(native()) == PQ_PIPELINE_OFF && PQenterPipelineMode(native()) == 0)
      return false;
    if (is_told_by_results() && !send_sync(none))
      return false;
    if (!send_preparations())
      return false;
    for (std::size_t i = 0; i < transactions_.size(); ++i)
      if (!send_transaction(i))
        return false;
    return true;
  }

  bool send_transaction(std::size_t at) {
    bool is_locking = false;
    for (const auto& one : transactions_[at]) {
      if (one.what->takes_log_lock && !std::exchange(is_locking, true) && !drain())
        return false;
      if (!send_call(one, at))
        return false;
    }
    if (is_locking && fails(failpoint::log_lock_with_sync) && !dawdle())
      return false;
    return is_told_by_results() ? PQsendFlushRequest(native()) != 0 : send_sync(at);
  }

  /// What the failpoint does instead of sending a transaction's last statement and its end at once.
  bool dawdle() {
    constexpr std::chrono::milliseconds pause{20};
    if (PQsendFlushRequest(native()) == 0 || !drain())
      return false;
    std::this_thread::sleep_for(pause);
    return true;
  }

  /// Whether a transaction is told to be over when its results are there, and its commit is left to the next run.
  static bool is_told_by_results() {
    return fails(failpoint::durable_mint);
  }

  /// Waits until the kernel has all that was sent, taking in what comes meanwhile: the server stops reading when
  /// nobody reads.
  bool drain() {
    for (auto unsent = PQflush(native()); unsent != 0; unsent = PQflush(native()))
      if (unsent < 0 || !wait_for_socket(PQsocket(native()), interest::read_or_write, deadline_)
          || PQconsumeInput(native()) == 0)
        return false;
    return true;
  }

  std::string receive() {
    while (!expected_.empty()) {
      bool lost = false;
      auto result = next_result(conn_, deadline_, &lost);
      if (lost)
        return failure_of_libpq();
      if (!take(std::move(result)))
        return conn_.is_open() ? "an answer out of order in the pipeline" : no_primary;
    }
    return {};
  }

  enum class kind { preparation, call, sync };

  struct expectation {
    kind what;
    const statement* which;
    std::size_t transaction; // `none` for preparations and their sync
    bool answered = false;   // its result is here; the null that ends it is not
  };
  static constexpr auto none = static_cast<std::size_t>(-1);

  pg_conn* native() const {
    return conn_.native();
  }

  // Preparations go ahead behind a sync of their own, so that a transaction that fails early cannot take those of
  // the transactions behind it along.
  bool send_preparations() {
    std::unordered_set<std::string_view> sent;
    for (const auto& one : transactions_) {
      for (const auto& c : one) {
        if (conn_.is_prepared(c.what->name) || !sent.insert(c.what->name).second)
          continue;
        if (PQsendPrepare(native(), c.what->name, c.what->sql.c_str(), 0, nullptr) == 0)
          return false;
        expected_.push_back({kind::preparation, c.what, none});
      }
    }
    return sent.empty() || send_sync(none);
  }

  bool send_call(const call& one, std::size_t at) {
    auto view = one.arguments.to_libpq();
    expected_.push_back({kind::call, one.what, at});
    return PQsendQueryPrepared(native(), one.what->name, static_cast<int>(view.values.size()), view.values.data(),
                               view.lengths.data(), view.formats.data(), 1)
           != 0;
  }

  bool send_sync(std::size_t at) {
    expected_.push_back({kind::sync, nullptr, at});
    return PQpipelineSync(native()) != 0;
  }

  /// False when `result` is not what has to come next.
  bool take(result_ptr result) {
    auto& next = expected_.front();
    if (!result) {
      auto was_answered = next.answered;
      expected_.pop_front();
      return was_answered;
    }
    if (next.answered)
      return false;
    next.answered = true;
    switch (PQresultStatus(result.get())) {
    case PGRES_PIPELINE_SYNC:
      return take_sync();
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      return take_success(next, std::move(result));
    case PGRES_FATAL_ERROR:
      return take_refusal(next, *result);
    case PGRES_PIPELINE_ABORTED:
      return next.what != kind::sync;
    default:
      return false;
    }
  }

  // No null follows a sync.
  bool take_sync() {
    auto ended = expected_.front();
    expected_.pop_front();
    if (ended.what != kind::sync)
      return false;
    return ended.transaction == none || finish(ended.transaction);
  }

  /// A server tells that it takes no more writes before it says that a transaction is over. Its successor may know
  /// nothing of what was committed here, and this one of what is committed there.
  bool finish(std::size_t at) {
    auto& report = reports_[at];
    if (report.what != transaction_report::state::lost) // told already
      return true;
    if (!conn_.check_primary())
      return false;
    report.what =
      report.sqlstate.empty() ? transaction_report::state::committed : transaction_report::state::failed;
    ++done_count_;
    auto told = std::move(report);
    report = {};
    report.what = transaction_report::state::committed; // told
    done_(at, std::move(told));
    return true;
  }

  bool take_success(const expectation& of, result_ptr result) {
    if (of.what == kind::preparation) {
      conn_.mark_prepared(of.which->name);
    } else if (of.what == kind::call) {
      auto& results = reports_[of.transaction].results;
      results.emplace_back(std::move(result));
      if (is_told_by_results() && results.size() == transactions_[of.transaction].size())
        return finish(of.transaction);
    }
    return of.what != kind::sync;
  }

  bool take_refusal(const expectation& refused, const pg_result& result) {
    const auto* field = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
    if (field == nullptr || refused.what == kind::sync) // libpq's own error, or a commit that failed
      return false;
    std::string sqlstate = field;
    if (refused.what == kind::preparation) {
      preparation_sqlstate_ = std::move(sqlstate);
      return true;
    }
    // A statement that could not be prepared is unknown when it is called: the cause is what counts.
    bool is_consequence = sqlstate == unknown_statement && !preparation_sqlstate_.empty();
    auto& report = reports_[refused.transaction];
    report.sqlstate = is_consequence ? preparation_sqlstate_ : std::move(sqlstate);
    report.refused = refused.which->name;
    return true;
  }

  connection& conn_;
  const std::vector<transaction>& transactions_;
  instant deadline_;
  const transaction_done& done_;
  std::vector<transaction_report> reports_;
  std::size_t done_count_ = 0;
  std::deque<expectation> expected_;
  std::string preparation_sqlstate_;
};

} // namespace

std::size_t run_pipeline(connection& conn, const std::vector<transaction>& transactions, instant deadline,
                         const transaction_done& done, std::string* error) {
  if (!conn.is_open()) {
    *error = "not connected";
    return 0;
  }
  run one{conn, transactions, deadline, done};
  if (auto why = one.go(); !why.empty()) {
    *error = std::move(why);
    conn.close();
  }
  return one.transactions_done();
}

transaction_report run_transaction(connection& conn, const transaction& one, instant deadline,
                                   std::string* error) {
  transaction_report out;
  run_pipeline(
    conn, {one}, deadline, [&](std::size_t, transaction_report&& report) { out = std::move(report); }, error);
  return out;
}

} // namespace portcullis::db
