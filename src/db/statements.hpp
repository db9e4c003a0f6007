#pragma once

#include "core/operations.hpp"
#include "db/pipeline.hpp"
#include "db/row.hpp"

#include <optional>
#include <vector>

/// What every kind of operation tells the executor: which statements run a group of them in one transaction, and
/// what the rows that came back mean. Neither knows how statements travel.
namespace portcullis::db {

using namespace store; // the operations are what this layer is asked

/// Operations of one kind that share a transaction. `revoke_account` and `delete_account` name each account once
/// in a group; `link_identity`, `unlink_identity`, what concerns seats, `record_audit`, bulk revocations, canaries
/// and what the reaper does come alone.
template <class Op>
using group = std::vector<const Op*>;

/// The outcome of one operation of a committed group; empty when another transaction came between the statements
/// of this one and it has to run again.
using maybe_outcome = std::optional<outcome>;
using maybe_outcomes = std::vector<maybe_outcome>;

// session_statements.cpp
transaction build_statements(const group<find_session>& ops);
transaction build_statements(const group<get_session>& ops);
transaction build_statements(const group<list_sessions>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_session>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_session>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_sessions>& ops);

// account_statements.cpp
transaction build_statements(const group<get_account>& ops);
transaction build_statements(const group<find_account>& ops);
transaction build_statements(const group<find_or_create_account>& ops);
transaction build_statements(const group<create_guest>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_account>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_account>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<find_or_create_account>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<create_guest>& ops);

// mint_statements.cpp
transaction build_statements(const group<mint_session>& ops);
transaction build_statements(const group<mint_for_identity>& ops);
transaction build_statements(const group<mint_guest>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_session>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_for_identity>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<mint_guest>& ops);

// revocation_statements.cpp
transaction build_statements(const group<revoke_session>& ops);
transaction build_statements(const group<revoke_account>& ops);
transaction build_statements(const group<delete_account>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<revoke_session>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<revoke_account>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_account>& ops);

// log_statements.cpp
transaction build_statements(const group<read_events>& ops);
transaction build_statements(const group<read_clock>& ops);
transaction build_statements(const group<ping>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<read_events>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<read_clock>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<ping>& ops);

// identity_statements.cpp
transaction build_statements(const group<link_identity>& ops);
transaction build_statements(const group<unlink_identity>& ops);
transaction build_statements(const group<set_display_name>& ops);
transaction build_statements(const group<seat_player>& ops);
transaction build_statements(const group<unseat_player>& ops);
transaction build_statements(const group<unseat_game>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<link_identity>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<unlink_identity>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<set_display_name>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<seat_player>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<unseat_player>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<unseat_game>& ops);

// listing_statements.cpp
transaction build_statements(const group<list_accounts>& ops);
transaction build_statements(const group<count_all>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_accounts>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<count_all>& ops);

// audit_statements.cpp
transaction build_statements(const group<record_audit>& ops);
transaction build_statements(const group<list_audit>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<record_audit>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<list_audit>& ops);

// bulk_statements.cpp
transaction build_statements(const group<count_selected>& ops);
transaction build_statements(const group<create_revocation_job>& ops);
transaction build_statements(const group<get_revocation_job>& ops);
transaction build_statements(const group<work_on_revocation_jobs>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<count_selected>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<create_revocation_job>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<get_revocation_job>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<work_on_revocation_jobs>& ops);

// canary_statements.cpp
transaction build_statements(const group<canary_step>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<canary_step>& ops);

// reaper_statements.cpp
transaction build_statements(const group<reap_guests>& ops);
transaction build_statements(const group<delete_dead_sessions>& ops);
transaction build_statements(const group<delete_dead_generations>& ops);
transaction build_statements(const group<delete_expired_sessions>& ops);
transaction build_statements(const group<prune_events>& ops);
transaction build_statements(const group<prune_audit>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<reap_guests>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_dead_sessions>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_dead_generations>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<delete_expired_sessions>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<prune_events>& ops);
maybe_outcomes decode_results(std::vector<result_set>& results, const group<prune_audit>& ops);

} // namespace portcullis::db
