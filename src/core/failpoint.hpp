#pragma once

#include <cstdint>

namespace portcullis {

/// The conditions that the fault tests switch off, one at a time, to show that the tests notice: each scenario
/// must be violated while "its" failpoint is armed. An ordinary build has none. In a build configured with
/// PORTCULLIS_FAILPOINTS (the instrumented builds are) the environment variable PORTCULLIS_FAILPOINTS_ARMED names
/// those that are armed, separated by commas.
enum class failpoint : std::uint8_t {
  durable_mint,           // a mint is told after its commit (rule 1)
  lease,                  // memory answers only within the staleness bound (rule 3)
  lease_from_read_start,  // the lease runs from before the read of the log, not from its answer (rule 3)
  lease_log_age,          // an edge's lease runs from as far back as the service's log is old (rule 3)
  lookup_min_cursor,      // an edge's load is answered from a state that has what the edge applied (rule 4)
  load_stamp,             // a load that a revocation overtook is dropped (rule 4)
  cursor_before_snapshot, // the log is followed from before the snapshot that warms memory
  stamp_after_position,   // what was read before the position in the log was known is read again (rule 4)
  resume_from_cursor,     // a subscriber goes on after its cursor (rule 5)
  log_lock,               // seq order is commit order (rule 5)
  log_lock_with_sync,     // the log's lock and its transaction's end are sent at once: who stops holds nobody up
  idempotent_retry,       // an operation whose outcome was lost is run again under the same ids
  claim_decided_by_index, // of racing claims of an identity the unique index makes one account
  generation_lock,        // a mint reads the generation under the account's lock
  connection_generation,  // an answer goes to the connection that asked, not to the next on its number (rule 7)
  subscriber_bound,       // a subscriber that does not read is cut off (rule 8)
  connection_bound,       // connections are not accepted beyond the limit of open files (rule 8)
  read_write_only,        // only a server that takes writes is used
  newest_timeline,        // an old primary that comes back beside its successor is not used
  epoch_check,            // a log of another history empties memory and resets subscribers
  synchronous_commit,     // a commit is on disk before it is told, whatever is set for the role (rule 1)
  count,
};

/// Whether the condition named `what` is to be violated.
#ifdef PORTCULLIS_FAILPOINTS
bool fails(failpoint what) noexcept;
#else
constexpr bool fails(failpoint) noexcept {
  return false;
}
#endif

} // namespace portcullis
