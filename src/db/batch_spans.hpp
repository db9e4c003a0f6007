#pragma once

#include "actors/messages.hpp"
#include "db/operation_queue.hpp"
#include "telemetry/tracing.hpp"

/// What traces are told of the pool: the wait for a connection, and the batch in which an operation travels.
namespace portcullis::db {

/// Of a batch that is sent now, with links to the spans of all who asked for one of its operations; it is a child
/// of the first of them. Each of those gets a span of its wait, from when its operation came until now, which
/// links to the batch. Nothing if nobody who asked is recorded.
tracing::span start_batch_span(const operation_queue::operations& batch, instant now);

void end_batch_span(tracing::span& batch, const db_batch_result& result);

/// Of an operation that is answered before it had a connection.
void record_vain_wait(const queued_operation& op);

} // namespace portcullis::db
