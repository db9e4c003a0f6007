#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis {

/// Everything that can go wrong for a caller. `http/problem.cpp` holds the one table from here to HTTP,
/// `db/sqlstate.cpp` the one from PostgreSQL's SQLSTATE to here.
enum class errc : std::uint8_t {
  none = 0,

  // The request cannot be understood.
  request_malformed,   ///< not HTTP, or HTTP that policy refuses
  body_malformed,      ///< not JSON, or JSON of the wrong shape
  id_malformed,        ///< an id that is not a UUID
  cursor_malformed,    ///< a feed cursor that is not `<epoch>-<seq>`
  parameter_malformed, ///< a query parameter of the wrong form or range
  request_timeout,     ///< the client was too slow to send its request
  body_too_large,
  headers_too_large, ///< request line or header section over its limit
  media_type_unsupported,
  expectation_failed, ///< `Expect` with anything but `100-continue`
  http_version_unsupported,
  route_unknown,
  method_not_allowed,

  // The request is understood and refused.
  value_unacceptable, ///< well-formed, but not a value this service takes
  token_missing,
  token_malformed, ///< prefix, length, alphabet or checksum is wrong: never one of ours
  session_unknown, ///< a well-formed token that was never minted, or whose row is gone
  session_revoked,
  session_expired,   ///< older than sessions may grow
  caller_unknown,    ///< the gateway or service that asks did not prove who it is
  caller_forbidden,  ///< the caller is known and may not do this
  rate_limited,      ///< the caller or client asks faster than its limit allows; a moment later it may again
  user_required,     ///< the gateway did not say who the user is
  session_not_found, ///< no session with that id (or not the caller's own)
  account_not_found,
  identity_not_found, ///< the account has no such identity
  identity_taken,     ///< the identity belongs to another account
  account_seated,     ///< a game holds the account
  job_not_found,      ///< no bulk revocation with that id
  identity_last,      ///< the only identity of a full account

  // The service cannot do it now.
  database_unavailable, ///< PostgreSQL is away, or did not answer in time
  overloaded,           ///< a queue is at its bound
  connection_limit,     ///< no room for another connection or subscriber
  starting,             ///< not migrated yet
  draining,             ///< shutting down
  history_stale,        ///< nothing recent enough vouches for the answer: the log, or what was read, is too old
  deadline_exceeded,    ///< the service did not finish in time
  internal,             ///< a defect of ours
};

/// The stable snake_case word for `code`, as it appears in problem details and logs.
std::string_view to_string(errc code) noexcept;

/// An error with the sentence that a caller may read. Never holds SQL, libpq text or a secret.
struct failure {
  errc code = errc::none;
  std::string detail;
  std::string sqlstate = {}; // for the log alone: what the database refused with, where it did
};

inline bool operator==(const failure& a, const failure& b) noexcept {
  return a.code == b.code && a.detail == b.detail;
}

} // namespace portcullis
