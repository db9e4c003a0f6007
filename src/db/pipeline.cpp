#include "db/pipeline.hpp"

#include "db/exchange.hpp"

#include <libpq-fe.h>

#include <cstddef>
#include <deque>
#include <string_view>

namespace portcullis::db {

namespace {

constexpr std::string_view unknown_statement = "26000"; // invalid_sql_statement_name

/// One run of a pipeline: what was sent, and what is therefore expected back, in order.
class run {
public:
  run(connection& conn, std::vector<transaction_report>& reports) : conn_(conn), reports_(reports) {}

  bool send(const std::vector<transaction>& transactions) {
    if (PQpipelineStatus(native()) == PQ_PIPELINE_OFF && PQenterPipelineMode(native()) == 0)
      return false;
    if (!send_preparations(transactions))
      return false;
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      for (const auto& one : transactions[i])
        if (!send_call(one, &reports_[i]))
          return false;
      if (!send_sync(&reports_[i]))
        return false;
    }
    return true;
  }

  /// Empty, or why it stopped.
  std::string receive(instant deadline) {
    while (!expected_.empty()) {
      bool lost = false;
      auto result = next_result(conn_, deadline, &lost);
      if (lost)
        return PQstatus(native()) == CONNECTION_BAD ? first_line(PQerrorMessage(native()))
                                                    : "no answer within the deadline";
      if (!take(std::move(result)))
        return "an answer out of order in the pipeline";
    }
    return {};
  }

private:
  enum class kind { preparation, call, sync };

  struct expectation {
    kind what;
    const statement* which;
    transaction_report* report; // null for preparations and their sync
    bool answered = false;      // its result is here; the null that ends it is not
  };

  pg_conn* native() const {
    return conn_.native();
  }

  // Preparations go ahead behind a sync of their own, so that a transaction that fails early cannot take those of
  // the transactions behind it along.
  bool send_preparations(const std::vector<transaction>& transactions) {
    std::unordered_set<std::string_view> sent;
    for (const auto& one : transactions) {
      for (const auto& c : one) {
        if (conn_.is_prepared(c.what->name) || !sent.insert(c.what->name).second)
          continue;
        if (PQsendPrepare(native(), c.what->name, c.what->sql.c_str(), 0, nullptr) == 0)
          return false;
        expected_.push_back({kind::preparation, c.what, nullptr});
      }
    }
    return sent.empty() || send_sync(nullptr);
  }

  bool send_call(const call& one, transaction_report* report) {
    auto view = one.arguments.to_libpq();
    expected_.push_back({kind::call, one.what, report});
    return PQsendQueryPrepared(native(), one.what->name, static_cast<int>(view.values.size()), view.values.data(),
                               view.lengths.data(), view.formats.data(), 1)
           != 0;
  }

  bool send_sync(transaction_report* report) {
    expected_.push_back({kind::sync, nullptr, report});
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
    auto done = expected_.front();
    expected_.pop_front();
    if (done.what != kind::sync)
      return false;
    if (done.report != nullptr)
      done.report->what =
        done.report->sqlstate.empty() ? transaction_report::state::committed : transaction_report::state::failed;
    return true;
  }

  bool take_success(const expectation& done, result_ptr result) {
    if (done.what == kind::preparation)
      conn_.mark_prepared(done.which->name);
    else if (done.what == kind::call)
      done.report->results.emplace_back(std::move(result));
    return done.what != kind::sync;
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
    refused.report->sqlstate = is_consequence ? preparation_sqlstate_ : std::move(sqlstate);
    refused.report->refused = refused.which->name;
    return true;
  }

  connection& conn_;
  std::vector<transaction_report>& reports_;
  std::deque<expectation> expected_;
  std::string preparation_sqlstate_;
};

} // namespace

std::vector<transaction_report> run_pipeline(connection& conn, const std::vector<transaction>& transactions,
                                             instant deadline, std::string* trouble) {
  std::vector<transaction_report> reports(transactions.size());
  if (!conn.is_open()) {
    *trouble = "not connected";
    return reports;
  }
  run one{conn, reports};
  auto why = one.send(transactions) ? one.receive(deadline) : first_line(PQerrorMessage(conn.native()));
  if (!conn.check_primary()) {
    // Its successor may know nothing of what was committed here, and this one of what is committed there.
    reports = std::vector<transaction_report>(transactions.size());
    why = no_primary;
  }
  if (!why.empty()) {
    *trouble = std::move(why);
    conn.close();
  }
  return reports;
}

} // namespace portcullis::db
