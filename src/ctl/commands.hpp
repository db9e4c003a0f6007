#pragma once

#include "ctl/context.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// What each command does. Each returns the process's exit code.
namespace portcullis::ctl {

// session_commands.cpp
exit_code show_session(const context& with, const std::string& session_id);
exit_code list_sessions(const context& with, const std::string& account_id, std::size_t rows_max);
exit_code revoke_session(const context& with, const std::string& session_id, const std::string& reason);

// account_commands.cpp
struct account_search {
  std::string kind;
  std::string external_id; // how it begins
  std::string guest;       // `true`, `false` or empty
  std::string created_before;
  std::string created_after;
  std::size_t rows_max = 50;
};
exit_code find_accounts(const context& with, const account_search& search);
exit_code show_account(const context& with, const std::string& account_id);
exit_code delete_account(const context& with, const std::string& account_id, const std::string& reason);

// revoke_command.cpp
struct revoke_order {
  std::vector<std::string> accounts;
  std::vector<std::string> sessions;
  std::vector<std::string> conditions; // `name=value`
  bool is_all = false;
  std::string reason;
  bool is_dry_run = false;
  bool is_detached = false; // does not wait for the end
};
exit_code revoke_many(const context& with, const revoke_order& order);
exit_code show_job(const context& with, const std::string& job_id, bool waits);

// feed_commands.cpp
struct tail_order {
  std::string since;        // a cursor; empty: now
  std::size_t count = 0;    // ends after so many; 0: does not
  bool ends_at_end = false; // ends where the log does
};
exit_code tail_feed(const context& with, const tail_order& order);

// operator_commands.cpp
exit_code show_followers(const context& with);
exit_code show_stats(const context& with);
exit_code sweep(const context& with, bool is_dry_run);
struct audit_search {
  std::string account_id;
  std::string caller;
  std::string action;
  std::string since;
  std::string until;
  std::size_t rows_max = 50;
};
exit_code show_audit(const context& with, const audit_search& search);

// bench_command.cpp
inline constexpr unsigned bench_connections_max = 64;
inline constexpr unsigned bench_seconds_max = 60;
struct bench_order {
  unsigned connections = 4;
  unsigned seconds = 5;
  std::string account_id; // empty: a guest is made, and deleted at the end
};
exit_code bench(const context& with, const bench_order& order);

} // namespace portcullis::ctl
