#include "http/problem.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstddef>

namespace portcullis::http {

namespace {

struct row {
  errc code;
  problem looks;
};

/// In the order of `errc`, every one of it.
constexpr std::array rows{
  row{errc::none, {500, "Internal error", 0}}, // a defect: nothing went wrong and yet it is reported

  row{errc::request_malformed, {400, "Malformed request", 0}},
  row{errc::body_malformed, {400, "Malformed body", 0}},
  row{errc::id_malformed, {400, "Malformed id", 0}},
  row{errc::cursor_malformed, {400, "Malformed cursor", 0}},
  row{errc::parameter_malformed, {400, "Malformed query parameter", 0}},
  row{errc::request_timeout, {408, "Request timeout", 0}},
  row{errc::body_too_large, {413, "Body too large", 0}},
  row{errc::headers_too_large, {431, "Header fields too large", 0}},
  row{errc::media_type_unsupported, {415, "Unsupported media type", 0}},
  row{errc::expectation_failed, {417, "Expectation failed", 0}},
  row{errc::http_version_unsupported, {505, "HTTP version not supported", 0}},
  row{errc::route_unknown, {404, "Unknown route", 0}},
  row{errc::method_not_allowed, {405, "Method not allowed", 0}},

  row{errc::value_unacceptable, {422, "Unacceptable value", 0}},
  row{errc::token_missing, {401, "Token missing", 0}},
  row{errc::token_malformed, {401, "Token malformed", 0}},
  row{errc::session_unknown, {401, "Session unknown", 0}},
  row{errc::session_revoked, {401, "Session revoked", 0}},
  row{errc::session_expired, {401, "Session expired", 0}},
  row{errc::caller_unknown, {401, "Caller unknown", 0}},
  row{errc::caller_forbidden, {403, "Caller forbidden", 0}},
  row{errc::rate_limited, {429, "Rate limited", 0}}, // the limiter says when to come back
  row{errc::user_required, {401, "User required", 0}},
  row{errc::session_not_found, {404, "Session not found", 0}},
  row{errc::account_not_found, {404, "Account not found", 0}},
  row{errc::identity_not_found, {404, "Identity not found", 0}},
  row{errc::identity_taken, {409, "Identity taken", 0}},
  row{errc::account_seated, {409, "Account seated in a game", 0}},
  row{errc::job_not_found, {404, "Job not found", 0}},
  row{errc::identity_last, {409, "Last identity", 0}},

  row{errc::database_unavailable, {503, "Database unavailable", 1}},
  row{errc::overloaded, {503, "Overloaded", 1}},
  row{errc::connection_limit, {503, "Connection limit reached", 1}},
  row{errc::starting, {503, "Starting", 1}},
  row{errc::draining, {503, "Shutting down", 1}},
  row{errc::history_stale, {503, "Revocation history stale", 1}},
  row{errc::deadline_exceeded, {503, "Not finished in time", 1}},
  row{errc::internal, {500, "Internal error", 0}},
};

constexpr bool rows_follow_errc() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].code) != i)
      return false;
  return rows.size() == static_cast<std::size_t>(errc::internal) + 1;
}
static_assert(rows_follow_errc(), "one row for each errc, in its order");

} // namespace

const problem& describe(errc code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return rows[index < rows.size() ? index : static_cast<std::size_t>(errc::internal)].looks;
}

std::string render_problem(const failure& what) {
  const auto& looks = describe(what.code);
  const auto code = to_string(what.code);
  std::string type{problem_type_prefix};
  type += code;
  return boost::json::serialize(boost::json::object{
    {"type", type},
    {"title", looks.title},
    {"status", looks.status},
    {"code", code},
    {"detail", what.detail},
  });
}

} // namespace portcullis::http
