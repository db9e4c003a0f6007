#pragma once

#include "core/model.hpp"
#include "db/pipeline.hpp"
#include "db/row.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

/// Reading the revocation log, for the executor and for `revocation_log`.
namespace portcullis::db {

/// One row at least: whether `after` is a position of this history, where the log ends, and the first `limit`
/// events after it.
call select_events_after(const cursor& after, std::size_t limit);

struct log_rows {
  bool reset = false; // `after` is too old, in the future or from another history; no events then
  std::vector<revocation_event> events;
  std::vector<std::chrono::microseconds> ages; // of the events, by the database's clock
  cursor end;                                  // of the log, as of the same snapshot
  timestamp now{};                             // by the database's clock, at the end of the statement
};
log_rows read_log_rows(result_set& rows);

} // namespace portcullis::db
