#pragma once

#include "ctl/context.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Checks of a deployment: what is found, and what to do about it.
namespace portcullis::ctl {

enum class health : std::uint8_t { good, skipped, doubtful, bad };

struct finding {
  health how = health::good;
  std::string check;  // a stable word
  std::string what;   // what was found
  std::string advice; // what to do; empty where nothing is
};

using findings = std::vector<finding>;

/// Reachability, TLS, the caller's rights, readiness, lag, clock, limit of open files.
void check_service(const context& with, findings& to);

/// What BACKEND_POSTGRES_DSN leads to, where it is set: the connection (durability, pooler, encoding), privileges,
/// schema, clock, limits.
void check_database(findings& to);

/// All of them, on standard output; `refused` when one is bad.
exit_code examine(const context& with);

/// Seconds by which a clock may be away from another without a finding.
inline constexpr int clock_difference_s_max = 2;

} // namespace portcullis::ctl
