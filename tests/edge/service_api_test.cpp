#include "edge/service_api.hpp"

#include "core/fixtures.hpp"

#include "caf/test/unit_test.hpp"

#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

const std::string id_1 = "0192d3c4-0000-7000-8000-000000000001";
const std::string id_2 = "0192d3c4-0000-7000-8000-000000000002";

std::string active(const std::string& changes = "") {
  return R"({"status":"active","session_id":")" + id_1 + R"(","account_id":")" + id_2
         + R"(","is_guest":true,"created_at":"2026-01-02T03:04:05.678901Z","expires_at":null)" + changes + "}";
}

std::string answer(const std::string& results,
                   const std::string& rest = R"(,"cursor":"0000000000000001-5","log_age_ms":7)") {
  return R"({"results":[)" + results + "]" + rest + "}";
}

std::string page(const std::string& events,
                 const std::string& rest = R"(,"cursor":"00000000000000aa-9","reset":false)") {
  return R"({"events":[)" + events + "]" + rest + "}";
}

std::string ended(std::uint64_t seq) {
  return R"({"type":"session.revoked","seq":)" + std::to_string(seq) + R"(,"session_id":")" + id_1
         + R"(","account_id":")" + id_2 + R"(","reason":"stolen","occurred_at":"2026-01-02T03:04:05.678901Z"})";
}

} // namespace

CAF_TEST(a lookup names hashes and the least position) {
  token_hash hash;
  hash.bytes.fill(0xa7);
  std::string text;
  for (int i = 0; i < 32; ++i)
    text += "a7";
  CAF_CHECK_EQUAL(render_lookup({hash}, std::nullopt), R"({"hashes":[")" + text + R"("]})");
  CAF_CHECK_EQUAL(render_lookup({hash}, cursor{0xaa, 9}),
                  R"({"hashes":[")" + text + R"("],"min_cursor":"00000000000000aa-9"})");
}

CAF_TEST(results are told in the order asked) {
  const std::vector<token_hash> hashes{make_hash(1), make_hash(2), make_hash(3), make_hash(4)};
  auto got = decode_lookup(
    answer(R"({"status":"unknown"},)" + active() + R"(,{"status":"revoked"},{"status":"expired"})"), hashes);
  CAF_REQUIRE(got);
  CAF_CHECK(got->results[0].status == session_status::unknown);
  CAF_CHECK(got->results[1].status == session_status::active);
  CAF_CHECK_EQUAL(to_string(got->results[1].record.session_id), id_1);
  CAF_CHECK_EQUAL(to_string(got->results[1].record.account_id), id_2);
  CAF_CHECK(got->results[1].record.is_guest);
  CAF_CHECK_EQUAL(to_rfc3339(got->results[1].record.created_at), "2026-01-02T03:04:05.678901Z");
  CAF_CHECK(got->results[2].status == session_status::revoked);
  CAF_CHECK(got->results[3].status == session_status::expired);
  CAF_CHECK(!got->results[1].record.expires_at);
  CAF_CHECK(got->results[2].record.session_id != got->results[3].record.session_id);
  CAF_CHECK(got->age >= 7ms && got->age <= 8ms);
}

CAF_TEST(a lookup tells when a session expires) {
  auto got = decode_lookup(answer(active(R"(,"expires_at":"2026-01-02T04:04:05.678901Z")")), {make_hash(1)});
  CAF_REQUIRE(got);
  const auto& record = got->results[0].record;
  CAF_CHECK(record.expires_at == record.created_at + 1h);
}

CAF_TEST(a lookup that is garbage is an error) {
  const std::vector<token_hash> one{make_hash(1)};
  CAF_CHECK(decode_lookup(answer(active()), one));
  for (const std::string& body : {
         std::string{""},
         std::string{"[]"},
         std::string{"{}"},
         std::string{"null"},
         std::string{"{\"results\":7}"},
         answer(""),
         answer(active() + "," + active()),
         answer("null"),
         answer("{}"),
         answer(R"({"status":7})"),
         answer(R"({"status":"alive"})"),
         answer(R"({"status":"active"})"),
         answer(active(R"(,"is_guest":"no")")),
         answer(active(R"(,"session_id":"x")")),
         answer(active(R"(,"created_at":"yesterday")")),
         answer(active(R"(,"expires_at":"tomorrow")")),
         answer(active(R"(,"expires_at":7)")),
         answer(active(), R"(,"log_age_ms":-1)"),
         answer(active(), R"(,"log_age_ms":"7")"),
         answer(active(), R"(,"log_age_ms":1e300)"),
         answer(active()) + "x",
         std::string(100'000, '['),
       })
    if (decode_lookup(body, one))
      CAF_ERROR("was taken: " << body.substr(0, 200));
}

CAF_TEST(an age that is not told is none) {
  const std::vector<token_hash> one{make_hash(1)};
  CAF_CHECK(!decode_lookup(answer(active(), ""), one)->age);
  CAF_CHECK(!decode_lookup(answer(active(), R"(,"log_age_ms":null)"), one)->age);
  CAF_CHECK(!decode_event_page(page(""))->age);
}

CAF_TEST(the feed is asked by cursor) {
  CAF_CHECK_EQUAL(feed_target(std::nullopt, 1, 0s), "/api/v1/internal/revocations?limit=1");
  CAF_CHECK_EQUAL(feed_target(cursor{1, 2}, 200, 25s),
                  "/api/v1/internal/revocations?limit=200&cursor=0000000000000001-2&wait=25");
}

CAF_TEST(events are told in log order) {
  auto got =
    decode_event_page(page(ended(3) + R"(,{"type":"account.revoked","seq":9,"account_id":")" + id_2
                             + R"(","generation":4,"reason":"","occurred_at":"2026-01-02T03:04:05.678901Z"})",
                           R"(,"cursor":"00000000000000aa-9","reset":false,"log_age_ms":12.5)"));
  CAF_REQUIRE(got);
  CAF_REQUIRE_EQUAL(got->events.size(), 2u);
  CAF_CHECK_EQUAL(got->events[0].seq, 3u);
  CAF_CHECK(got->events[0].kind == revocation_kind::session);
  CAF_CHECK_EQUAL(to_string(got->events[0].session_id), id_1);
  CAF_CHECK_EQUAL(got->events[0].reason, "stolen");
  CAF_CHECK(got->events[1].kind == revocation_kind::account);
  CAF_CHECK_EQUAL(got->events[1].generation, 4);
  CAF_CHECK_EQUAL(to_string(got->events[1].account_id), id_2);
  CAF_CHECK(got->position == (cursor{0xaa, 9}));
  CAF_CHECK(!got->reset);
  CAF_CHECK(got->age == 13ms);
  CAF_CHECK(!got->now);
}

CAF_TEST(a page tells the time of the database) {
  auto got = decode_event_page(
    page("", R"(,"cursor":"00000000000000aa-9","reset":false,"now":"2026-01-02T03:04:05.678901Z")"));
  CAF_REQUIRE(got && got->now);
  CAF_CHECK_EQUAL(to_rfc3339(*got->now), "2026-01-02T03:04:05.678901Z");
}

CAF_TEST(a page that is garbage is an error) {
  CAF_CHECK(decode_event_page(page(ended(3))));
  for (const std::string& body : {
         std::string{""},
         std::string{"{}"},
         page("", ""),
         page("", R"(,"cursor":"x","reset":false)"),
         page("", R"(,"cursor":"00000000000000aa-9")"),
         page("7"),
         page("{}"),
         page(R"({"type":"session.revoked"})"),
         page(ended(3) + "," + ended(3)),
         page(ended(4) + "," + ended(3)),
         page(ended(10)),
         page(R"({"type":"tea.made","seq":3,"account_id":")" + id_2 + "\"}"),
         page("", R"(,"cursor":"00000000000000aa-9","reset":false,"log_age_ms":-5)"),
         page("", R"(,"cursor":"00000000000000aa-9","reset":false,"now":"noon")"),
       })
    if (decode_event_page(body))
      CAF_ERROR("was taken: " << body.substr(0, 200));
}
