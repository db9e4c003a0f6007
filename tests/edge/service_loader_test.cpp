#include "actors/session_cache.hpp"
#include "edge/service_loader.hpp"

#include "actors/fixture.hpp"
#include "actors/session_cache.hpp"
#include "edge/service_api.hpp"

#include <deque>
#include <string>

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

struct sent_request {
  http_request request;
  http_callback callback;
  instant sent;

  std::size_t hashes() const {
    std::size_t count = 0;
    const auto end = request.body.find(']');
    for (std::size_t at = 0; (at = request.body.find("\"00", at)) < end; ++at)
      ++count;
    return count;
  }

  bool carries(cursor position) const {
    return request.body.find("\"min_cursor\":\"" + to_string(position) + '"') != std::string::npos;
  }

  void answer(std::string results, int age_ms = 0, int status = 200) {
    callback(http_answer{status, R"({"results":[)" + results + R"(],"log_age_ms":)" + std::to_string(age_ms) + "}",
                         sent});
  }
};

std::string active(const session_record& record) {
  return R"({"status":"active","session_id":")" + to_string(record.session_id) + R"(","account_id":")"
         + to_string(record.account_id) + R"(","is_guest":false,"created_at":"2026-01-02T03:04:05Z"})";
}

std::string unknown(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += (i == 0 ? "" : ",") + std::string{R"({"status":"unknown"})"};
  return out;
}

struct fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  hand_clock clock;
  std::deque<sent_request> out;
  log_position_ptr position = std::make_shared<log_position>();
  service_loader_actor loader;

  fixture() {
    service_loader_options options;
    options.batches_out_max = 1;
    options.waiting_max = 600;
    options.staleness_max = 60s;
    options.now = clock.reader();
    loader = sys.spawn(
      service_loader, options,
      [this](http_request request, http_callback callback) {
        out.push_back({std::move(request), std::move(callback), clock.now()});
      },
      position);
    consume_messages();
  }

  ~fixture() override {
    CAF_CHECK(out.empty());
    anon_send_exit(loader, caf::exit_reason::kill);
    consume_messages();
  }

  using found = store::find_session::result;

  std::shared_ptr<outcome<found>> load(std::uint32_t n, std::optional<cursor> at_least = std::nullopt) {
    auto result = ask<found>(sys, loader, store::find_session{make_hash(n), at_least});
    consume_messages();
    return result;
  }

  session_cache_options cache_options() const {
    session_cache_options options;
    options.memory.index.entries_max = 64;
    options.memory.staleness_max = 60s;
    options.now = clock.reader();
    return options;
  }

  sent_request take() {
    CAF_REQUIRE(!out.empty());
    auto request = std::move(out.front());
    out.pop_front();
    return request;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(service_loader_tests, fixture)

CAF_TEST(a miss goes out at once and those that come meanwhile go together) {
  auto first = load(1);
  auto second = load(2);
  auto third = load(3);
  auto alone = take();
  CAF_CHECK(out.empty());
  CAF_CHECK_EQUAL(alone.request.target, "/api/v1/internal/sessions/lookup");
  CAF_CHECK_EQUAL(alone.hashes(), 1u);
  alone.answer(active(make_record(11, 101)));
  consume_messages();
  CAF_REQUIRE(first->reply);
  CAF_CHECK(first->reply->status == session_status::active);
  CAF_CHECK(first->reply->record.session_id == make_uuid(11));
  CAF_CHECK(second->is_open());
  auto both = take();
  CAF_CHECK_EQUAL(both.hashes(), 2u);
  both.answer(R"({"status":"revoked"},{"status":"unknown"})");
  consume_messages();
  CAF_CHECK(second->reply->status == session_status::revoked);
  CAF_CHECK(third->reply->status == session_status::unknown);
}

CAF_TEST(a request holds no more than the service takes) {
  load(0);
  for (std::uint32_t i = 1; i <= 600; ++i)
    load(i);
  CAF_CHECK(load(601)->error.code == errc::overloaded);
  for (std::size_t size : {1u, 256u, 256u, 88u}) {
    auto request = take();
    CAF_CHECK_EQUAL(request.hashes(), size);
    request.answer(unknown(size));
    consume_messages();
  }
}

CAF_TEST(a load carries the position that was read when it is sent) {
  load(1);
  auto before = take();
  CAF_CHECK_EQUAL(before.request.body.find("min_cursor"), std::string::npos);
  load(2);
  position->note({7, 41});
  position->note({7, 42});
  before.answer(unknown(1));
  consume_messages();
  auto after = take();
  CAF_CHECK(after.carries({7, 42}));
  position->note({7, 41}); // does not go back
  CAF_CHECK(position->get() == (cursor{7, 42}));
  position->note({8, 1}); // but for another history
  after.answer(unknown(1));
  load(3);
  auto last = take();
  CAF_CHECK(last.carries({8, 1}));
  last.answer(unknown(1));
  consume_messages();
}

CAF_TEST(a load for who brings a cursor carries the later of the two) {
  position->note({7, 42});
  struct example {
    cursor wanted;
    cursor carried;
  };
  for (auto [wanted, carried] : {example{{7, 50}, {7, 50}}, {{7, 41}, {7, 42}}, {{8, 1}, {7, ~0ULL}}}) {
    auto one = load(1, wanted);
    auto request = take();
    CAF_CHECK(request.carries(carried));
    request.answer(active(make_record(11, 101)));
    consume_messages();
    CAF_CHECK(one->reply);
  }
}

CAF_TEST(who brings a cursor holds up nobody else) {
  load(1, cursor{7, 1'000'000});
  load(2, cursor{7, 50}); // the second and last of such requests
  load(3, cursor{7, 60});
  load(4, cursor{7, 70});
  load(5, cursor{8, 1});
  auto far = take(), near = take();
  CAF_CHECK(out.empty());
  auto plain = load(6);
  auto request = take();
  CAF_CHECK_EQUAL(request.request.body.find("min_cursor"), std::string::npos);
  request.answer(active(make_record(11, 101)));
  consume_messages();
  CAF_CHECK(plain->reply);
  near.answer(unknown(1));
  consume_messages();
  auto two = take();
  CAF_CHECK_EQUAL(two.hashes(), 2u);
  CAF_CHECK(two.carries({7, 70}));
  far.answer(unknown(1));
  consume_messages();
  auto other_history = take();
  CAF_CHECK(other_history.carries({8, 1}));
  two.answer(unknown(2));
  other_history.answer(unknown(1));
  consume_messages();
}

CAF_TEST(behind the cache a load is shared by those whose cursor it has) {
  auto cache = sys.spawn(session_cache, cache_options(), session_loader_actor{loader});
  consume_messages();
  auto ask_with = [&](std::optional<cursor> at_least) {
    auto result = ask<resolution>(sys, cache, load_session{make_hash(1), instant::min(), at_least});
    consume_messages();
    return result;
  };
  auto first = ask_with(cursor{7, 50});
  auto lower = ask_with(cursor{7, 49});
  auto none = ask_with(std::nullopt);
  auto request = take();
  CAF_CHECK(out.empty());
  auto higher = ask_with(cursor{7, 51});
  auto again = take();
  CAF_CHECK(again.carries({7, 51}));
  request.answer(active(make_record(11, 101)));
  consume_messages();
  CAF_CHECK(first->reply && lower->reply && none->reply);
  CAF_CHECK(higher->is_open());
  again.answer(R"({"status":"revoked"})");
  consume_messages();
  CAF_CHECK(higher->reply->status == session_status::revoked);
  anon_send_exit(cache, caf::exit_reason::kill);
  consume_messages();
}

CAF_TEST(what the service does not tell is an error of all who wait) {
  auto one = load(1);
  take().callback(failure{errc::database_unavailable, "away"});
  consume_messages();
  CAF_CHECK(one->error == (failure{errc::database_unavailable, "away"}));
  for (int status : {503, 500, 404, 401, 403, 302}) {
    auto next = load(1);
    take().answer(unknown(1), 0, status);
    consume_messages();
    CAF_CHECK(next->error.code == errc::database_unavailable);
  }
  auto few = load(2);
  auto request = take();
  request.answer(unknown(2));
  consume_messages();
  CAF_CHECK(few->error.code == errc::database_unavailable);
}

CAF_TEST(an answer from too old a state is not believed) {
  auto fresh = load(1);
  take().answer(unknown(1), 59'000);
  consume_messages();
  CAF_CHECK(fresh->reply);

  auto replica_is_late = load(1);
  take().answer(unknown(1), 60'000);
  consume_messages();
  CAF_CHECK(replica_is_late->error.code == errc::history_stale);

  auto lay_in_a_socket = load(1);
  auto request = take();
  clock.advance(31s);
  request.answer(unknown(1), 30'000);
  consume_messages();
  CAF_CHECK(lay_in_a_socket->error.code == errc::history_stale);

  auto says_nothing = load(1);
  request = take();
  request.callback(http_answer{200, R"({"results":[{"status":"unknown"}]})", clock.now()});
  consume_messages();
  CAF_CHECK(says_nothing->error.code == errc::history_stale);
}

CAF_TEST(an answer that comes after the loader ended hurts nobody) {
  load(1);
  auto request = take();
  anon_send_exit(loader, caf::exit_reason::kill);
  consume_messages();
  request.answer(unknown(1));
  consume_messages();
}

CAF_TEST(behind the cache a token is loaded once and its death is final) {
  auto cache = sys.spawn(session_cache, cache_options(), session_loader_actor{loader});
  consume_messages();
  auto one = ask<resolution>(sys, cache, load_session{make_hash(1)});
  auto other = ask<resolution>(sys, cache, load_session{make_hash(1)});
  consume_messages();
  auto request = take();
  CAF_CHECK(out.empty());
  request.answer(R"({"status":"revoked"})");
  consume_messages();
  CAF_CHECK(one->reply->status == session_status::revoked);
  CAF_CHECK(other->reply->status == session_status::revoked);
  auto second = ask<resolution>(sys, cache, load_session{make_hash(2)});
  consume_messages();
  take().answer(R"({"status":"revoked"})");
  consume_messages();
  for (std::uint32_t n : {1u, 2u}) { // neither has pushed the other out
    auto peeked = ask<peeked_sessions>(sys, cache, peek_sessions{{{1, make_hash(n), instant::min()}}});
    consume_messages();
    CAF_CHECK(peeked->reply->answers[0].known == peeked_sessions::knowledge::revoked);
  }
  anon_send_exit(cache, caf::exit_reason::kill);
  consume_messages();
}

CAF_TEST_FIXTURE_SCOPE_END()
