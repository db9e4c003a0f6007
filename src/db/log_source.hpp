#pragma once

#include "actors/log_source.hpp"
#include "actors/log_wakeup.hpp"
#include "db/connection.hpp"

#include <cstddef>

namespace portcullis {

/// The log, the snapshot and the notifier of PostgreSQL, all on one connection of its own.
log_sources make_postgres_sources(db::connect_options connect, log_wakeup_ptr wakeup, std::size_t page_events_max,
                                  std::size_t warm_chunk_entries = 4096);

} // namespace portcullis
