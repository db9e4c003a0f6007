#include "db/db_worker.hpp"

#include "db/executor.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <numeric>
#include <utility>

namespace portcullis {

db_connect_result db_worker_state::connect(instant deadline) {
  // The server may have closed it while it was idle; a batch sent into it would be lost for nothing.
  if (connection.check_alive() && boot_clock::now() - connection.opened_at() < options.connection_life_time)
    return {true, {}};
  connection.close();
  auto trouble = connection.open(options.connect, deadline);
  return {connection.is_open(), std::move(trouble.detail)};
}

db_batch_result db_worker_state::run(const db_batch& batch) {
  db_batch_result result;
  result.id = batch.id;
  auto usable = connect(batch.deadline);
  if (!usable.connected) {
    result.outcomes.assign(batch.operations.size(),
                           failure{errc::database_unavailable, "the database cannot be reached"});
    result.lost.resize(batch.operations.size());
    std::iota(result.lost.begin(), result.lost.end(), std::size_t{0});
    result.trouble = std::move(usable.trouble);
    result.was_sent = false;
    return result;
  }
  auto report = db::execute(connection, batch.operations, batch.deadline);
  if (report.connection_lost) {
    connection.close();
    result.trouble = "the connection was lost";
  }
  result.outcomes = std::move(report.outcomes);
  result.lost = std::move(report.lost);
  result.connected = connection.is_open();
  return result;
}

db_worker_actor::behavior_type db_worker(db_worker_actor::stateful_pointer<db_worker_state> self,
                                         db_worker_options options) {
  self->state.options = std::move(options);
  // An exception (there is no memory, say) ends the worker; the pool sees that and makes another.
  return {
    [self](const db_batch& batch) { return self->state.run(batch); },
    [self](const db_connect& order) { return self->state.connect(order.deadline); },
  };
}

} // namespace portcullis
