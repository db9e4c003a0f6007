#include "portcullis.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cctype>
#include <utility>

namespace portcullis::client {

namespace {

refusal refuse(int status, std::string code, std::string_view title, std::string_view detail) {
  const boost::json::object problem{{"type", "urn:portcullis:problem:" + code},
                                    {"title", title},
                                    {"status", status},
                                    {"code", code},
                                    {"detail", detail}};
  refusal made{status, std::move(code), boost::json::serialize(problem)};
  if (status == 401) {
    made.www_authenticate = R"(Bearer realm="portcullis")";
    if (made.code != "token_missing")
      made.www_authenticate += R"(, error="invalid_token")";
  }
  if (status == 503)
    made.retry_after = "1";
  return made;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Empty when it is no bearer token.
std::string_view bearer_of(std::string_view field) {
  constexpr std::string_view scheme = "bearer ";
  field = trimmed(field);
  const auto is_alike = [](char low, char any) { return std::tolower(static_cast<unsigned char>(any)) == low; };
  if (field.size() <= scheme.size() || !std::equal(scheme.begin(), scheme.end(), field.begin(), is_alike))
    return {};
  const auto token = trimmed(field.substr(scheme.size()));
  return token.find_first_of(" \t") == std::string_view::npos ? token : std::string_view{};
}

refusal refusal_of(kind what) {
  constexpr std::string_view detail = "the session is not alive";
  switch (what) {
  case kind::dead:
    return refuse(401, "session_revoked", "Session revoked", detail);
  case kind::expired:
    return refuse(401, "session_expired", "Session expired", detail);
  case kind::unknown:
    return refuse(401, "session_unknown", "Session unknown", detail);
  default:
    return refuse(503, "history_stale", "Session service away", "nobody can vouch for the session now");
  }
}

} // namespace

std::variant<session, refusal> guard(follower& who, const std::vector<std::string_view>& authorization) {
  if (authorization.size() > 1)
    return refuse(400, "request_malformed", "Malformed request", "more than one Authorization field");
  const auto token = authorization.empty() ? std::string_view{} : bearer_of(authorization[0]);
  if (token.empty())
    return refuse(401, "token_missing", "Token missing", "a bearer token is needed");
  if (!is_token(token))
    return refuse(401, "token_malformed", "Token malformed", "this is no session's token");
  auto found = who.verify(token);
  if (found.is == kind::active && found.whose)
    return std::move(*found.whose);
  return refusal_of(found.is);
}

} // namespace portcullis::client
