#pragma once

#include "core/model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Bulk revocation: what is to end, and how far it has come.
namespace portcullis {

struct every_session {};

struct sessions_of_accounts {
  std::vector<uuid> account_ids; // in order, each once
};

struct listed_sessions {
  std::vector<uuid> session_ids; // in order, each once
};

/// The sessions for which every condition holds that is given.
struct session_filter {
  std::optional<timestamp> created_before;
  std::optional<timestamp> created_after; // counts itself in
  std::vector<std::string> ip_in;         // addresses and networks in CIDR notation
  std::string user_agent_contains;        // as it is written, in upper and lower case
  std::optional<bool> is_guest;
  std::optional<portcullis::identity_kind> identity_kind; // its account has an identity of this kind
};

/// Which active sessions are to end.
using session_selector = std::variant<every_session, sessions_of_accounts, listed_sessions, session_filter>;

struct revocation_counts {
  std::uint64_t sessions = 0;
  std::uint64_t accounts = 0; // whose sessions they are
};

enum class job_state : std::uint8_t { pending, running, done };

/// A bulk revocation that was accepted.
struct revocation_job {
  uuid job_id;
  job_state state = job_state::pending;
  std::string reason;
  revocation_counts done;
  std::optional<revocation_counts> total; // what there was to do, once it has been counted
  std::optional<cursor> position;         // of the last event so far
  timestamp accepted_at{};
  std::optional<timestamp> started_at;
  std::optional<timestamp> finished_at;
};

} // namespace portcullis
