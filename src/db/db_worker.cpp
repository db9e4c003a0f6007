#include "db/db_worker.hpp"

#include "db/executor.hpp"
#include "db/sqlstate.hpp"
#include "telemetry/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <numeric>
#include <utility>

namespace portcullis {

namespace {

/// What callers hear of is told here: a 500 has its cause in the log. What is mended by running it again is not.
void log_refusals(const std::vector<db::refusal_note>& refusals) {
  for (const auto& one : refusals) {
    auto level = one.code == errc::internal               ? log::level::error
                 : one.code == errc::database_unavailable ? log::level::debug
                                                          : log::level::info;
    if (one.code == errc::database_unavailable && db::meaning_of(one.sqlstate).what == db::remedy::give_up)
      level = log::level::warn;
    log::write(level, "database refused a statement", {{"statement", one.statement}, {"sqlstate", one.sqlstate}});
  }
}

} // namespace

db_connect_result db_worker_state::connect(instant deadline) {
  // The server may have closed it while it was idle; a batch sent into it would be lost for nothing.
  if (connection.check_alive() && boot_clock::now() - connection.opened_at() < options.connection_life_time)
    return {true, {}, false};
  connection.close();
  auto error = connection.open(options.connect, deadline);
  return {connection.is_open(), std::move(error.detail), connection.is_full()};
}

db_batch_result db_worker_state::run(const db_batch& batch, const tell_function& tell) {
  db_batch_result result;
  result.id = batch.id;
  auto usable = connect(batch.deadline);
  if (!usable.connected) {
    result.outcomes.assign(batch.operations.size(),
                           failure{errc::database_unavailable, "the database cannot be reached"});
    result.lost.resize(batch.operations.size());
    std::iota(result.lost.begin(), result.lost.end(), std::size_t{0});
    result.error = std::move(usable.error);
    result.is_full = usable.is_full;
    result.was_sent = false;
    return result;
  }
  result.opened_at = connection.opened_at();
  db::execute_options how;
  how.by_contention = batch.by_contention;
  how.on_settled = [&](std::vector<db::settled>&& news) {
    db_outcomes out;
    out.id = batch.id;
    for (auto& one : news) {
      out.indexes.push_back(one.index);
      out.outcomes.push_back(std::move(one.value));
    }
    tell(std::move(out));
  };
  auto report = db::execute(connection, batch.operations, batch.deadline, how);
  log_refusals(report.refusals);
  if (report.connection_lost) {
    connection.close();
    result.error = report.error.empty() ? "the connection was lost" : std::move(report.error);
  }
  result.outcomes = std::move(report.outcomes);
  result.lost = std::move(report.lost);
  result.blocked = std::move(report.blocked);
  result.connected = connection.is_open();
  return result;
}

db_worker_actor::behavior_type db_worker(db_worker_actor::stateful_pointer<db_worker_state> self,
                                         db_worker_options options) {
  self->state.options = std::move(options);
  self->state.mailbox.join(self->state.options.mailbox);
  // An exception (there is no memory, say) ends the worker; the pool sees that and makes another.
  return {
    [self](const db_batch& batch) {
      self->state.mailbox.tell(self->mailbox().size());
      auto pool = caf::actor_cast<db_pool_actor>(self->current_sender());
      return self->state.run(batch, [&](db_outcomes&& news) { self->send(pool, std::move(news)); });
    },
    [self](const db_connect& order) {
      self->state.mailbox.tell(self->mailbox().size());
      return self->state.connect(order.deadline);
    },
  };
}

} // namespace portcullis
