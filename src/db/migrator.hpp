#pragma once

#include "actors/interfaces.hpp"
#include "db/connection.hpp"
#include "db/schema.hpp"

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <memory>

namespace portcullis {

/// Connects and migrates, trying again until it can or `is_stopping`, then reports and ends. Spawn it detached:
/// it blocks its thread.
void migrator(caf::event_based_actor* self, const db::connect_options& connect, const db::normalizer& normalize,
              const std::shared_ptr<std::atomic<bool>>& is_stopping, const supervisor_actor& report_to);

} // namespace portcullis
