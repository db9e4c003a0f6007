#include "edge/http_log_source.hpp"

#include "actors/fixture.hpp"

#include <deque>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

const cursor here{0xaa, 5};

std::string page(cursor position, const std::string& events, const std::string& age, bool reset = false) {
  return R"({"events":[)" + events + R"(],"cursor":")" + to_string(position) + R"(","reset":)"
         + (reset ? "true" : "false") + (age.empty() ? "" : R"(,"log_age_ms":)" + age) + "}";
}

std::string ended(std::uint64_t seq) {
  return R"({"type":"session.revoked","seq":)" + std::to_string(seq) + R"(,"session_id":")"
         + to_string(make_uuid(1)) + R"(","account_id":")" + to_string(make_uuid(2))
         + R"(","reason":"","occurred_at":"2026-01-02T03:04:05Z"})";
}

std::string ended_many(std::uint64_t from, std::uint64_t to) {
  std::string out;
  for (auto seq = from; seq <= to; ++seq)
    out += (seq == from ? "" : ",") + ended(seq);
  return out;
}

/// A source in front of a service that says what the test has it say, and takes as long as the test says.
struct fixture {
  hand_clock clock;
  std::string reply;
  int status = 200;
  bool is_away = false;
  std::chrono::milliseconds took{0};
  std::vector<std::string> asked;
  std::deque<std::pair<http_request, http_callback>> polls;
  log_wakeup_ptr wakeup = std::make_shared<log_wakeup>();
  log_position_ptr position = std::make_shared<log_position>();
  std::unique_ptr<log_source> source;

  fixture() {
    http_log_source_options options;
    options.now = clock.reader();
    source = make_http_log_source(
      options, [this](http_request request, instant deadline) { return answer(request, deadline); },
      [this](http_request request, http_callback callback) {
        polls.emplace_back(std::move(request), std::move(callback));
      },
      wakeup, position);
  }

  result<http_answer> answer(const http_request& request, instant) {
    asked.push_back(request.target);
    auto sent = clock.now();
    clock.advance(took);
    if (is_away)
      return failure{errc::database_unavailable, "away"};
    return http_answer{status, reply, sent};
  }

  failure open() {
    return source->open(clock.now() + 5s);
  }

  failure read(log_page* into) {
    return source->read(here, into, clock.now() + 5s);
  }

  failure find_position() {
    cursor end;
    open();
    reply = page(here, "", "0");
    return source->position(&end, clock.now() + 5s);
  }

  void end_poll(const std::string& body, int with_status = 200) {
    CAF_REQUIRE(!polls.empty());
    auto callback = std::move(polls.front().second);
    polls.pop_front();
    callback(http_answer{with_status, body, clock.now()});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_log_source_tests, fixture)

CAF_TEST(the position is where the service is) {
  CAF_CHECK(!source->is_open());
  CAF_CHECK(open().code == errc::none);
  CAF_CHECK(source->is_open());
  reply = page(here, "", "3");
  cursor end;
  CAF_CHECK(source->position(&end, clock.now() + 5s).code == errc::none);
  CAF_CHECK(end == here);
  CAF_CHECK(position->get() == here);
  CAF_CHECK_EQUAL(asked.back(), "/api/v1/internal/revocations?limit=1&clock=true");
}

CAF_TEST(a read counts as of its sending less the age of the log) {
  open();
  log_page got;
  took = 400ms;
  reply = page({0xaa, 7}, ended(6) + ',' + ended(7), "1500");
  auto sent = clock.now();
  CAF_CHECK(read(&got).code == errc::none);
  CAF_CHECK_EQUAL(asked.back(), "/api/v1/internal/revocations?limit=200&cursor=00000000000000aa-5&clock=true");
  CAF_CHECK_EQUAL(got.events.size(), 2u);
  CAF_CHECK(got.last == (cursor{0xaa, 7}));
  CAF_CHECK(!got.has_more);
  CAF_CHECK(!got.reset);
  auto age = sent - got.as_of;
  CAF_CHECK(age >= 1500ms && age <= 1501ms);
  CAF_CHECK(position->get() == (cursor{0xaa, 7}));
}

CAF_TEST(a log that the service has not read renews no lease) {
  open();
  log_page got;
  for (const char* age : {"", "null"}) {
    reply = page(here, "", age);
    CAF_CHECK(read(&got).code == errc::none);
    CAF_CHECK(got.as_of == instant::min());
  }
}

CAF_TEST(a full page is followed by another) {
  open();
  log_page got;
  reply = page({0xaa, 205}, ended_many(6, 205), "0");
  CAF_CHECK(read(&got).code == errc::none);
  CAF_CHECK_EQUAL(got.events.size(), 200u);
  CAF_CHECK(got.has_more);
}

CAF_TEST(another history is a reset and no position) {
  open();
  log_page got;
  reply = page({0xbb, 1}, "", "0", true);
  CAF_CHECK(read(&got).code == errc::none);
  CAF_CHECK(got.reset);
  CAF_CHECK(!position->get());
  got = {};
  reply = page({0xbb, 1}, "", "0"); // another epoch is a reset, said or not
  CAF_CHECK(read(&got).code == errc::none);
  CAF_CHECK(got.reset);
}

CAF_TEST(what fails leaves the source closed) {
  log_page got;
  open();
  is_away = true;
  CAF_CHECK(read(&got).code == errc::database_unavailable);
  CAF_CHECK(!source->is_open());
  is_away = false;
  open();
  status = 503;
  CAF_CHECK(read(&got).code == errc::database_unavailable);
  CAF_CHECK(!source->is_open());
  status = 200;
  open();
  reply = "{";
  CAF_CHECK(read(&got).code != errc::none);
  CAF_CHECK(!source->is_open());
}

CAF_TEST(a long poll rings when there is news and renews nothing) {
  CAF_CHECK(find_position().code == errc::none);
  CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
  CAF_REQUIRE_EQUAL(polls.size(), 1u);
  CAF_CHECK_EQUAL(polls[0].first.target, "/api/v1/internal/revocations?limit=1&cursor=00000000000000aa-5&wait=25");
  CAF_CHECK(polls[0].first.is_long_poll);
  CAF_CHECK(polls[0].first.timeout > 25s);
  CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
  CAF_CHECK_EQUAL(polls.size(), 1u); // one at a time
  end_poll(page({0xaa, 6}, ended(6), "0"));
  CAF_CHECK(source->wait(60s) == log_source::wake::hint);
  // It told of no events and no lease: the position is where the last read was.
  CAF_CHECK(position->get() == here);
  CAF_CHECK_EQUAL(asked.size(), 1u);
}

CAF_TEST(a long poll without news is no hint and makes no crowd) {
  find_position();
  source->wait(1ms);
  end_poll(page(here, "", "0"));
  CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK_EQUAL(polls.size(), 1u);
    end_poll(page(here, "", "0"), i == 0 ? 503 : 200);
    CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
  }
}

CAF_TEST(news that was read already is no hint) {
  find_position();
  source->wait(1ms);
  log_page got;
  reply = page({0xaa, 6}, ended(6), "0");
  read(&got);
  end_poll(page({0xaa, 6}, ended(6), "0"));
  CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
}

CAF_TEST(a reset is a hint) {
  find_position();
  source->wait(1ms);
  end_poll(page({0xbb, 1}, "", "0", true));
  CAF_CHECK(source->wait(60s) == log_source::wake::hint);
}

CAF_TEST(the wakeup ends the wait) {
  find_position();
  wakeup->notify();
  CAF_CHECK(source->wait(60s) == log_source::wake::notified);
}

CAF_TEST(a closed source polls nobody) {
  CAF_CHECK(source->wait(1ms) == log_source::wake::timeout);
  CAF_CHECK(polls.empty());
}

CAF_TEST(a poll that ends after the source is gone hurts nobody) {
  find_position();
  source->wait(1ms);
  source.reset();
  end_poll(page({0xaa, 6}, ended(6), "0"));
}

CAF_TEST_FIXTURE_SCOPE_END()
