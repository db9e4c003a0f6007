#include "http/problem.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/json.hpp>

#include <map>
#include <set>

using namespace portcullis;
using namespace portcullis::http;

namespace {

/// The statuses of the contract, by code.
const std::map<std::string_view, int> statuses{
  {"request_malformed", 400},
  {"body_malformed", 400},
  {"id_malformed", 400},
  {"cursor_malformed", 400},
  {"parameter_malformed", 400},
  {"request_timeout", 408},
  {"body_too_large", 413},
  {"headers_too_large", 431},
  {"media_type_unsupported", 415},
  {"expectation_failed", 417},
  {"route_unknown", 404},
  {"method_not_allowed", 405},
  {"value_unacceptable", 422},
  {"token_missing", 401},
  {"token_malformed", 401},
  {"session_unknown", 401},
  {"session_revoked", 401},
  {"session_expired", 401},
  {"caller_unknown", 401},
  {"caller_forbidden", 403},
  {"rate_limited", 429},
  {"user_required", 401},
  {"session_not_found", 404},
  {"account_not_found", 404},
  {"identity_not_found", 404},
  {"job_not_found", 404},
  {"identity_taken", 409},
  {"account_seated", 409},
  {"identity_last", 409},
  {"database_unavailable", 503},
  {"overloaded", 503},
  {"connection_limit", 503},
  {"starting", 503},
  {"draining", 503},
  {"history_stale", 503},
  {"deadline_exceeded", 503},
  {"internal", 500},
  {"http_version_unsupported", 505},
};

std::vector<errc> all_codes() {
  std::vector<errc> codes;
  for (auto i = 1; i <= static_cast<int>(errc::internal); ++i)
    codes.push_back(static_cast<errc>(i));
  return codes;
}

} // namespace

CAF_TEST(each error has the status of the contract) {
  CAF_CHECK_EQUAL(all_codes().size(), statuses.size());
  for (const auto code : all_codes()) {
    const auto row = statuses.find(to_string(code));
    CAF_REQUIRE(row != statuses.end());
    CAF_CHECK_EQUAL(std::string{row->first} + std::to_string(describe(code).status),
                    std::string{row->first} + std::to_string(row->second));
  }
}

CAF_TEST(each error has a title of its own) {
  std::set<std::string_view> titles;
  for (const auto code : all_codes())
    titles.insert(describe(code).title);
  CAF_CHECK_EQUAL(titles.size(), all_codes().size());
  CAF_CHECK_EQUAL(titles.count(""), 0u);
}

CAF_TEST(whoever is told to come back is told when) {
  for (const auto code : all_codes())
    CAF_CHECK_EQUAL(describe(code).retry_after_s, describe(code).status == 503 ? 1 : 0);
}

CAF_TEST(a code that is none is a defect) {
  CAF_CHECK_EQUAL(describe(errc::none).status, 500);
  CAF_CHECK_EQUAL(describe(static_cast<errc>(255)).status, 500);
}

CAF_TEST(a problem is a document of RFC 9457) {
  CAF_CHECK_EQUAL(render_problem({errc::session_revoked, "The session was revoked."}),
                  R"({"type":"urn:portcullis:problem:session_revoked","title":"Session revoked","status":401,)"
                  R"("code":"session_revoked","detail":"The session was revoked."})");
}

CAF_TEST(a detail of any text is still JSON) {
  const std::string detail = "a \"quoted\" \\ line\r\n\x01 \xC3\xA9";
  const auto document = boost::json::parse(render_problem({errc::body_malformed, detail}));
  CAF_CHECK_EQUAL(std::string{document.at("detail").as_string()}, detail);
}
