#include "core/error.hpp"

namespace portcullis {

// No default label: the compiler names a code that is missing here.
std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::none:
    return "none";
  case errc::request_malformed:
    return "request_malformed";
  case errc::body_malformed:
    return "body_malformed";
  case errc::id_malformed:
    return "id_malformed";
  case errc::cursor_malformed:
    return "cursor_malformed";
  case errc::parameter_malformed:
    return "parameter_malformed";
  case errc::request_timeout:
    return "request_timeout";
  case errc::body_too_large:
    return "body_too_large";
  case errc::headers_too_large:
    return "headers_too_large";
  case errc::media_type_unsupported:
    return "media_type_unsupported";
  case errc::expectation_failed:
    return "expectation_failed";
  case errc::http_version_unsupported:
    return "http_version_unsupported";
  case errc::route_unknown:
    return "route_unknown";
  case errc::method_not_allowed:
    return "method_not_allowed";
  case errc::value_unacceptable:
    return "value_unacceptable";
  case errc::token_missing:
    return "token_missing";
  case errc::token_malformed:
    return "token_malformed";
  case errc::session_unknown:
    return "session_unknown";
  case errc::session_revoked:
    return "session_revoked";
  case errc::session_expired:
    return "session_expired";
  case errc::caller_unknown:
    return "caller_unknown";
  case errc::caller_forbidden:
    return "caller_forbidden";
  case errc::rate_limited:
    return "rate_limited";
  case errc::user_required:
    return "user_required";
  case errc::session_not_found:
    return "session_not_found";
  case errc::account_not_found:
    return "account_not_found";
  case errc::identity_not_found:
    return "identity_not_found";
  case errc::identity_taken:
    return "identity_taken";
  case errc::account_seated:
    return "account_seated";
  case errc::job_not_found:
    return "job_not_found";
  case errc::identity_last:
    return "identity_last";
  case errc::database_unavailable:
    return "database_unavailable";
  case errc::overloaded:
    return "overloaded";
  case errc::connection_limit:
    return "connection_limit";
  case errc::starting:
    return "starting";
  case errc::draining:
    return "draining";
  case errc::history_stale:
    return "history_stale";
  case errc::deadline_exceeded:
    return "deadline_exceeded";
  case errc::internal:
    return "internal";
  }
  return "internal"; // a number that is no code: as good as a defect
}

} // namespace portcullis
