#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string hash_text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF";
const std::string session_text = "0190b8a0-0000-7000-8000-000000000001";
const std::string account_text = "0190b8a0-0000-7000-8000-000000000002";
const std::string time_text = "2026-01-02T03:04:05.678901Z";

std::string body_of(std::size_t count) {
  std::string body = R"({"hashes":[)";
  for (std::size_t i = 0; i < count; ++i)
    body.append(i > 0 ? ",\"" : "\"").append(hash_text).append("\"");
  return body + R"(],"min_cursor":"0000000000000001-7"})";
}

std::string render(const std::vector<lookup_answer>& results) {
  http::byte_buffer out;
  append_lookup(out, results, {1, 42}, std::chrono::milliseconds{17});
  return {out.data(), out.size()};
}

lookup_answer active() {
  lookup_answer answer;
  answer.status = lookup_status::active;
  answer.record.session_id = *uuid::parse(session_text);
  answer.record.account_id = *uuid::parse(account_text);
  answer.record.created_at = *parse_rfc3339(time_text);
  return answer;
}

} // namespace

CAF_TEST(hashes are read in order) {
  const auto read = decode_lookup(R"({"hashes":[")" + hash_text + R"(",")" + std::string(64, 'a') + R"("]})");
  CAF_REQUIRE(read);
  CAF_REQUIRE_EQUAL(read->hashes.size(), 2u);
  CAF_CHECK_EQUAL(read->hashes[0].bytes[1], 1u);
  CAF_CHECK_EQUAL(read->hashes[0].bytes[31], 0xffu);
  CAF_CHECK_EQUAL(read->hashes[1].bytes[0], 0xaau);
  CAF_CHECK(!read->min_cursor);
  const auto none = decode_lookup(R"({"hashes":[]})");
  CAF_CHECK(none && none->hashes.empty());
}

CAF_TEST(as many hashes as there may be fit) {
  const auto body = body_of(lookup_hashes_max);
  CAF_CHECK_LESS(body.size(), 20u * 1024);
  const auto read = decode_lookup(body);
  CAF_REQUIRE(read);
  CAF_CHECK_EQUAL(read->hashes.size(), lookup_hashes_max);
  CAF_CHECK(read->min_cursor == (cursor{1, 7}));
}

CAF_TEST(a look - up that is none is refused by what is wrong) {
  const std::tuple<std::string, std::string_view, std::string_view> rows[]{
    {"", "body_malformed", "`hashes` is missing"},
    {R"({"hashes":null})", "body_malformed", "`hashes` is missing"},
    {R"({"hashes":{}})", "body_malformed", "`hashes` must be an array"},
    {body_of(257), "value_unacceptable", "at most 256"},
    {R"({"hashes":[1]})", "body_malformed", "`hashes[0]` must be a string"},
    {R"({"hashes":[")" + hash_text + R"(",null]})", "body_malformed", "`hashes[1]`"},
    {R"({"hashes":[")" + hash_text + R"(0"]})", "value_unacceptable", "`hashes[0]`"},
    {R"({"hashes":[")" + hash_text.substr(1) + R"("]})", "value_unacceptable", "64 hex"},
    {R"({"hashes":[")" + hash_text.substr(1) + R"(g"]})", "value_unacceptable", "64 hex"},
    {R"({"hashes":[")" + hash_text + R"("],"min_cursor":5})", "body_malformed", "`min_cursor`"},
    {R"({"hashes":[")" + hash_text + R"("],"min_cursor":"x"})", "value_unacceptable", "`min_cursor`"},
  };
  for (const auto& [body, code, about] : rows) {
    const auto read = decode_lookup(body);
    CAF_REQUIRE(!read);
    CAF_CHECK_EQUAL(to_string(read.error().code), code);
    CAF_MESSAGE(read.error().detail);
    CAF_CHECK(read.error().detail.find(about) != std::string::npos);
  }
}

CAF_TEST(answers are written in order) {
  auto guest = active();
  guest.record.is_guest = true;
  guest.record.expires_at = guest.record.created_at;
  std::vector<lookup_answer> rest(3);
  rest[0].status = lookup_status::revoked;
  rest[2].status = lookup_status::expired;
  const auto row = R"({"status":"active","session_id":")" + session_text + R"(","account_id":")" + account_text;
  CAF_CHECK_EQUAL(render({active(), guest, rest[0], rest[1], rest[2]}),
                  R"({"results":[)" + row + R"(","is_guest":false,"created_at":")" + time_text
                    + R"(","expires_at":null},)" + row + R"(","is_guest":true,"created_at":")" + time_text
                    + R"(","expires_at":")" + time_text
                    + R"("},{"status":"revoked"},{"status":"unknown"},{"status":"expired"}],)"
                    + R"("cursor":"0000000000000001-42","log_age_ms":17})");
  CAF_CHECK_EQUAL(render({}), R"({"results":[],"cursor":"0000000000000001-42","log_age_ms":17})");
}
