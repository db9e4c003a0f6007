#include "api/bulk_json.hpp"

#include "caf/test/unit_test.hpp"

#include <string>
#include <variant>

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string id = "0190b8a0-0000-7000-8000-000000000001";
const std::string lower_id = "0190b8a0-0000-7000-8000-000000000000";

std::string code_of(const std::string& body) {
  const auto decoded = decode_bulk_revocation(body);
  return decoded ? "accepted" : std::string{to_string(decoded.error().code)};
}

std::string ids(std::size_t count) {
  std::string out = "[";
  for (std::size_t i = 0; i < count; ++i)
    out += (i == 0 ? "\"" : ",\"") + id + "\"";
  return out + "]";
}

} // namespace

CAF_TEST(each selector is read) {
  const auto all = *decode_bulk_revocation(R"({"all":true,"reason":"leak","dry_run":true})");
  CAF_CHECK(std::holds_alternative<every_session>(all.selects));
  CAF_CHECK_EQUAL(all.reason, "leak");
  CAF_CHECK(all.dry_run);

  const auto accounts =
    *decode_bulk_revocation(R"({"accounts":[")" + id + R"(",")" + lower_id + R"(",")" + id + R"("],"all":false})");
  const auto& account_ids = std::get<sessions_of_accounts>(accounts.selects).account_ids;
  CAF_REQUIRE_EQUAL(account_ids.size(), 2u); // in order, each once
  CAF_CHECK_EQUAL(to_string(account_ids[0]), lower_id);
  CAF_CHECK(!accounts.dry_run);

  const auto sessions = *decode_bulk_revocation(R"({"sessions":[")" + id + R"("],"filter":null})");
  CAF_CHECK_EQUAL(std::get<listed_sessions>(sessions.selects).session_ids.size(), 1u);

  const auto filtered = *decode_bulk_revocation(
    R"({"filter":{"created_before":"2026-01-02T03:04:05+01:00","created_after":"2026-01-01T00:00:00Z",)"
    R"("ip_in":["192.0.2.0/24","2001:DB8::7"],"user_agent_contains":"Bot","guest":false,"identity_kind":"email"}})");
  const auto& filter = std::get<session_filter>(filtered.selects);
  CAF_CHECK_EQUAL(to_rfc3339(*filter.created_before), "2026-01-02T02:04:05.000000Z");
  CAF_CHECK(filter.created_after.has_value());
  CAF_CHECK(filter.ip_in == (std::vector<std::string>{"192.0.2.0/24", "2001:db8::7"}));
  CAF_CHECK_EQUAL(filter.user_agent_contains, "Bot");
  CAF_CHECK(filter.is_guest == false);
  CAF_CHECK(filter.identity_kind == identity_kind::email);
  CAF_CHECK_EQUAL(code_of(R"({"filter":{"ip_in":"192.0.2.7"}})"), "accepted");
  CAF_CHECK_EQUAL(code_of(R"({"accounts":)" + ids(bulk_ids_max) + "}"), "accepted");
}

CAF_TEST(exactly one selector is taken) {
  for (const auto& body :
       {std::string{}, std::string{"{}"}, std::string{R"({"all":false})"},
        std::string{R"({"dry_run":true,"reason":"x"})"}, R"({"all":true,"accounts":)" + ids(1) + "}",
        R"({"sessions":)" + ids(1) + R"(,"accounts":)" + ids(1) + "}",
        std::string{R"({"all":true,"filter":{"guest":true}})"}})
    CAF_CHECK_EQUAL(code_of(body), "body_malformed");
}

CAF_TEST(what is wrong is named) {
  const std::pair<std::string, const char*> cases[]{
    {"[]", "body_malformed"},
    {R"({"all":1})", "body_malformed"},
    {R"({"all":"true"})", "body_malformed"},
    {R"({"all":true,"dry_run":"yes"})", "body_malformed"},
    {R"({"all":true,"reason":5})", "body_malformed"},
    {R"({"all":true,"reason":")" + std::string(201, 'x') + "\"}", "value_unacceptable"},
    {R"({"accounts":"x"})", "body_malformed"},
    {R"({"accounts":[5]})", "body_malformed"},
    {R"({"accounts":["x"]})", "id_malformed"},
    {R"({"accounts":[]})", "value_unacceptable"},
    {R"({"sessions":)" + ids(bulk_ids_max + 1) + "}", "value_unacceptable"},
    {R"({"filter":[]})", "body_malformed"},
    {R"({"filter":{}})", "value_unacceptable"},
    {R"({"filter":{"guest":null}})", "value_unacceptable"},
    {R"({"filter":{"guest":"no"}})", "body_malformed"},
    {R"({"filter":{"created_before":5}})", "body_malformed"},
    {R"({"filter":{"created_before":"yesterday"}})", "value_unacceptable"},
    {R"({"filter":{"created_after":"2026-01-02T00:00:00Z","created_before":"2026-01-02T00:00:00Z"}})",
     "value_unacceptable"},
    {R"({"filter":{"ip_in":[]}})", "value_unacceptable"},
    {R"({"filter":{"ip_in":[7]}})", "body_malformed"},
    {R"({"filter":{"ip_in":7}})", "body_malformed"},
    {R"({"filter":{"ip_in":["192.0.2.1/24"]}})", "value_unacceptable"},
    {R"({"filter":{"user_agent_contains":""}})", "value_unacceptable"},
    {R"({"filter":{"user_agent_contains":"a\u0000b"}})", "value_unacceptable"},
    {R"({"filter":{"identity_kind":"phone"}})", "value_unacceptable"},
    // A misspelt member would end more than is meant.
    {R"({"all":true,"dryrun":true})", "value_unacceptable"},
    {R"({"filter":{"guest":true,"user_agent":"Bot"}})", "value_unacceptable"},
  };
  for (const auto& [body, code] : cases)
    CAF_CHECK_EQUAL(code_of(body) + " " + body, code + std::string{" "} + body);
}

CAF_TEST(a job is shown with all its members) {
  revocation_job job;
  job.job_id = *uuid::parse(id);
  CAF_CHECK_EQUAL(render_accepted(job), R"({"job_id":")" + id + "\"}");
  CAF_CHECK_EQUAL(render_job(job), R"({"job_id":")" + id
                                     + R"(","state":"pending","reason":"","done":{"sessions":0,"accounts":0},)"
                                       R"("total":null,"cursor":null,"accepted_at":"1970-01-01T00:00:00.000000Z",)"
                                       R"("started_at":null,"finished_at":null})");
  job.state = job_state::done;
  job.reason = "leak";
  job.done = {7, 3};
  job.total = revocation_counts{8, 3};
  job.position = cursor{1, 42};
  job.started_at = job.finished_at = timestamp{};
  CAF_CHECK_EQUAL(render_job(job), R"({"job_id":")" + id
                                     + R"(","state":"done","reason":"leak","done":{"sessions":7,"accounts":3},)"
                                       R"("total":{"sessions":8,"accounts":3},"cursor":"0000000000000001-42",)"
                                       R"("accepted_at":"1970-01-01T00:00:00.000000Z",)"
                                       R"("started_at":"1970-01-01T00:00:00.000000Z",)"
                                       R"("finished_at":"1970-01-01T00:00:00.000000Z"})");
  CAF_CHECK_EQUAL(render_counts({7, 3}), R"({"sessions":7,"accounts":3,"dry_run":true})");
}
