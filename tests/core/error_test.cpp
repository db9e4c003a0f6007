#include "caf/test/unit_test.hpp"

#include "core/error.hpp"

#include <set>

using portcullis::errc;

#define CHECK_WORD(name) CAF_CHECK_EQUAL(std::string{to_string(errc::name)}, #name)

CAF_TEST(the word of a code is its name) {
  CHECK_WORD(none);
  CHECK_WORD(request_malformed);
  CHECK_WORD(body_malformed);
  CHECK_WORD(id_malformed);
  CHECK_WORD(cursor_malformed);
  CHECK_WORD(parameter_malformed);
  CHECK_WORD(request_timeout);
  CHECK_WORD(body_too_large);
  CHECK_WORD(headers_too_large);
  CHECK_WORD(media_type_unsupported);
  CHECK_WORD(expectation_failed);
  CHECK_WORD(http_version_unsupported);
  CHECK_WORD(route_unknown);
  CHECK_WORD(method_not_allowed);
  CHECK_WORD(value_unacceptable);
  CHECK_WORD(token_missing);
  CHECK_WORD(token_malformed);
  CHECK_WORD(session_unknown);
  CHECK_WORD(session_revoked);
  CHECK_WORD(session_expired);
  CHECK_WORD(caller_unknown);
  CHECK_WORD(caller_forbidden);
  CHECK_WORD(rate_limited);
  CHECK_WORD(user_required);
  CHECK_WORD(session_not_found);
  CHECK_WORD(account_not_found);
  CHECK_WORD(identity_not_found);
  CHECK_WORD(identity_taken);
  CHECK_WORD(account_seated);
  CHECK_WORD(identity_last);
  CHECK_WORD(database_unavailable);
  CHECK_WORD(overloaded);
  CHECK_WORD(connection_limit);
  CHECK_WORD(starting);
  CHECK_WORD(draining);
  CHECK_WORD(history_stale);
  CHECK_WORD(internal);
}

CAF_TEST(no two codes share a word) {
  std::set<std::string> words;
  const auto count = static_cast<int>(errc::internal) + 1;
  for (int code = 0; code < count; ++code)
    words.emplace(to_string(static_cast<errc>(code)));
  CAF_CHECK_EQUAL(words.size(), static_cast<std::size_t>(count));
}
