#pragma once

#include "core/audit.hpp"
#include "core/error.hpp"
#include "core/model.hpp"
#include "core/revocation_cause.hpp"
#include "core/revocation_job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What operators ask of the store: see `core/operations.hpp`.
namespace portcullis::store {

/// Accounts that match every condition given: by the time of their creation when one of the conditions is a time,
/// by id otherwise. Each page is read along an index.
struct list_accounts {
  static constexpr bool is_write = false;
  std::optional<identity_kind> kind;             // has an identity of this kind
  std::optional<std::string> external_id_prefix; // has an identity that starts with this
  std::optional<bool> is_guest;
  std::optional<timestamp> created_before;
  std::optional<timestamp> created_after;
  std::optional<uuid> after; // exclusive
  std::size_t limit = 50;
  trace_point asked_by{};
  struct result {
    std::vector<account> accounts;
    bool has_more = false;
  };
};

/// How many there are. Small tables are counted; of a large one a sample of pages is read, and the numbers are
/// estimates.
struct count_all {
  static constexpr bool is_write = false;
  trace_point asked_by{};
  struct result {
    std::uint64_t accounts = 0;
    std::uint64_t guests = 0;
    std::uint64_t active_sessions = 0;
    bool is_estimated = false;
  };
};

/// Something for the audit that no change carries along.
struct audit_note {
  audit_action action{};
  std::optional<uuid> account_id;
  std::string reason;
  audit_origin origin;
};

/// Writes entries of the audit, once, in the order of `notes`.
struct record_audit {
  static constexpr bool is_write = true;
  std::vector<audit_note> notes;
  uuid operation_id{};
  struct result {
    bool recorded = true;
  };
};

/// Entries of the audit that match every condition given, newest first. Each page is read along an index.
struct list_audit {
  static constexpr bool is_write = false;
  std::optional<uuid> account_id;
  std::optional<std::string> caller;
  std::optional<audit_action> action;
  std::optional<timestamp> since; // inclusive
  std::optional<timestamp> until; // exclusive
  std::optional<uuid> after;      // exclusive: entries that are older than this one
  std::size_t limit = 50;
  trace_point asked_by{};
  struct result {
    std::vector<audit_event> events;
    bool has_more = false;
  };
};

// -- bulk revocation ---------------------------------------------------------------------------------------

/// How far a count has come.
struct count_position {
  uuid account_id; // the row that was looked at last
  std::int32_t generation = 0;
  uuid session_id;
  std::optional<uuid> counted_account; // the last account that was counted, and is not counted again
};

/// Looks at no more than `limit` sessions and counts those that are selected.
struct count_selected {
  static constexpr bool is_write = false;
  session_selector selects;
  count_position after;
  std::size_t limit = 10'000;
  trace_point asked_by{};
  struct result {
    revocation_counts found;
    bool has_more = false;
    count_position reached;
  };
};

/// Accepts a job: what is active and selected from now on ends, and nothing that is minted later. `overloaded`
/// when too many jobs are unfinished.
struct create_revocation_job {
  static constexpr bool is_write = true;
  uuid job_id;
  session_selector selects;
  revocation_cause cause;
  audit_origin origin{}; // of the entries that its endings make
  using result = revocation_job;
};

/// `job_not_found`.
struct get_revocation_job {
  static constexpr bool is_write = false;
  uuid job_id;
  trace_point asked_by{};
  using result = revocation_job;
};

/// One transaction of the unfinished job that waits longest: looks at no more than `page` sessions and ends no
/// more than `batch` one by one. Accounts whose row somebody holds are left for later. Run again, it goes on.
struct work_on_revocation_jobs {
  static constexpr bool is_write = true;
  std::size_t page = 5'000;
  std::size_t count_page = 10'000; // looked at ahead, until all that there is to do has been counted
  std::size_t batch = 1'000;
  struct result {
    bool is_leader = true;            // false: another replica works on jobs, and nothing was done
    bool has_more = false;            // a job is unfinished
    bool is_held_up = false;          // nothing is left to do but what somebody holds
    std::size_t sessions = 0;         // ended by this
    std::optional<uuid> finished_job; // by this
  };
};

} // namespace portcullis::store
