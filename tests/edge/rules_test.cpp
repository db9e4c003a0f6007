#include "actors/fixture.hpp"
#include "actors/log_follower.hpp"
#include "actors/session_cache.hpp"
#include "edge/http_log_source.hpp"
#include "edge/service_loader.hpp"

#include <deque>
#include <optional>
#include <string>

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t epoch = 0xaa;

std::string text(cursor c) {
  return to_string(c);
}

/// A replica of the service, as far as an edge can see: how much of the log it has read, and when. One session,
/// whose end is event 6 of the log.
struct replica {
  hand_clock* clock = nullptr;
  std::uint64_t has_read = 5;
  instant read_began{};
  bool is_away = false;

  std::string age() const {
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock->now() - read_began).count();
    return R"(,"log_age_ms":)" + std::to_string(ms);
  }

  void read_up_to(std::uint64_t seq) {
    has_read = seq;
    read_began = clock->now();
  }

  result<http_answer> say(std::string body, int status = 200) const {
    if (is_away)
      return failure{errc::database_unavailable, "away"};
    return http_answer{status, std::move(body), clock->now()};
  }

  result<http_answer> feed(const std::string& target) const {
    bool lacks_event = target.find("cursor=" + text({epoch, 5})) != std::string::npos && has_read >= 6;
    auto event = R"({"type":"session.revoked","seq":6,"session_id":")" + to_string(make_uuid(11))
                 + R"(","account_id":")" + to_string(make_uuid(101))
                 + R"(","reason":"","occurred_at":"2026-01-02T03:04:05Z"})";
    return say(R"({"events":[)" + (lacks_event ? event : "") + R"(],"cursor":")" + text({epoch, has_read})
               + R"(","reset":false)" + age() + "}");
  }

  /// No older than the cursor that the request carries, or 503.
  result<http_answer> lookup(const std::string& body) const {
    for (auto seq = has_read + 1; seq <= 10; ++seq)
      if (body.find(R"("min_cursor":")" + text({epoch, seq}) + '"') != std::string::npos)
        return say("{}", 503);
    auto dead = R"({"status":"revoked"})";
    auto live = R"({"status":"active","session_id":")" + to_string(make_uuid(11)) + R"(","account_id":")"
                + to_string(make_uuid(101)) + R"(","is_guest":false,"created_at":"2026-01-02T03:04:05Z"})";
    return say(R"({"results":[)" + (has_read >= 6 ? dead : live) + "]" + age() + "}");
  }
};

/// An edge's cache, loader and feed, put together as the process does it. The feed reads from one replica and the
/// loader asks another.
struct fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  hand_clock clock;
  replica followed;
  replica asked;
  log_position_ptr position = std::make_shared<log_position>();
  log_wakeup_ptr wakeup = std::make_shared<log_wakeup>();
  std::deque<http_callback> polls;
  std::function<void()> before_telling = [] {};
  service_loader_actor loader;
  session_cache_actor cache;
  std::optional<log_follower> feed;

  fixture() {
    for (auto* one : {&followed, &asked}) {
      one->clock = &clock;
      one->read_up_to(5);
    }
    service_loader_options loader_options;
    loader_options.staleness_max = 60s;
    loader_options.now = clock.reader();
    auto send_lookup = [this](http_request request, http_callback callback) {
      callback(asked.lookup(request.body));
    };
    loader = sys.spawn(service_loader, loader_options, send_lookup, position);
    session_cache_options cache_options;
    cache_options.memory.index.entries_max = 16;
    cache_options.memory.staleness_max = 60s;
    cache_options.now = clock.reader();
    cache = sys.spawn(session_cache, cache_options, session_loader_actor{loader});
    consume_messages();
    start_feed();
  }

  ~fixture() override {
    anon_send_exit(cache, caf::exit_reason::kill);
    anon_send_exit(loader, caf::exit_reason::kill);
    consume_messages();
  }

  void start_feed() {
    http_log_source_options options;
    options.now = clock.reader();
    revocation_feed_options feed_options;
    feed_options.poll_interval = 1ms;
    feed_options.backoff_min = 1ms;
    feed_options.backoff_max = 1ms;
    feed_options.now = clock.reader();
    log_sources from;
    from.log = make_http_log_source(
      options, [this](http_request request, instant) { return followed.feed(request.target); },
      [this](http_request, http_callback callback) { polls.push_back(std::move(callback)); }, wakeup, position);
    log_follower::listener to;
    to.tell = [this](log_news&& news) {
      if (std::holds_alternative<log_progress>(news))
        before_telling();
      std::visit([this](const auto& one) { tell(one); }, news);
    };
    feed.emplace(feed_options, std::move(from), std::move(to));
    round();
  }

  void round() {
    while (feed->step()) {
    }
    feed->wait();
  }

  template <class Message>
  void tell(const Message& news) {
    auto done = ask<applied>(sys, cache, news);
    consume_messages();
    CAF_CHECK(done->reply);
  }

  std::shared_ptr<outcome<resolution>> load() {
    auto done = ask<resolution>(sys, cache, load_session{make_hash(1)});
    consume_messages();
    return done;
  }

  peeked_sessions::knowledge peek() {
    auto done = ask<peeked_sessions>(sys, cache, peek_sessions{{{1, make_hash(1), instant::min()}}});
    consume_messages();
    return done->reply->answers[0].known;
  }
};

using known = peeked_sessions::knowledge;

} // namespace

CAF_TEST_FIXTURE_SCOPE(rules_tests, fixture)

CAF_TEST(a session is loaded once and answered from memory until it is revoked) {
  CAF_CHECK(peek() == known::must_load);
  CAF_CHECK(load()->reply->status == session_status::active);
  CAF_CHECK(peek() == known::active);
  followed.read_up_to(6);
  round();
  CAF_CHECK(peek() == known::revoked);
}

CAF_TEST(a replica that lags cannot bring a dead session back) {
  followed.read_up_to(6);
  round();
  // Asked without a position, the replica that lags says that the session lives.
  CAF_CHECK_NOT_EQUAL(asked.lookup("{}")->body.find("active"), std::string::npos);
  CAF_CHECK(load()->error.code == errc::database_unavailable);
  CAF_CHECK(peek() == known::must_load);
  asked.read_up_to(6);
  CAF_CHECK(load()->reply->status == session_status::revoked);
}

CAF_TEST(nor can it between the reading of an event and its telling) {
  followed.read_up_to(6);
  std::shared_ptr<outcome<resolution>> overtaken;
  before_telling = [&] { overtaken = load(); };
  round();
  CAF_REQUIRE(overtaken);
  CAF_CHECK(overtaken->error.code == errc::database_unavailable);
  CAF_CHECK(peek() != known::active);
}

CAF_TEST(the age of the replicas log shortens the lease) {
  load();
  CAF_CHECK(peek() == known::active);
  // The replica answers every read at once, and has itself not read the log for ever longer.
  for (int second = 1; second <= 59; ++second) {
    clock.advance(1s);
    round();
  }
  CAF_CHECK(peek() == known::active);
  clock.advance(1s);
  round();
  CAF_CHECK(peek() == known::must_load);
  CAF_CHECK(load()->error.code == errc::history_stale);
  asked.read_up_to(5);
  CAF_CHECK(load()->reply->status == session_status::active); // asked each time
  CAF_CHECK(peek() == known::must_load);
  followed.read_up_to(5);
  round();
  CAF_CHECK(peek() == known::active);
}

CAF_TEST(what comes by itself renews no lease) {
  load();
  followed.is_away = true;
  for (int second = 0; second < 60; ++second) {
    clock.advance(1s);
    if (!polls.empty()) { // the long poll is answered all the time, as fresh as can be
      auto callback = std::move(polls.front());
      polls.pop_front();
      callback(http_answer{
        200, R"({"events":[],"cursor":")" + text({epoch, 5}) + R"(","reset":false,"log_age_ms":0})", clock.now()});
    }
    round();
  }
  CAF_CHECK(peek() == known::must_load);
}

CAF_TEST(without the service sessions go on until the bound and not beyond) {
  load();
  followed.is_away = true;
  asked.is_away = true;
  clock.advance(59s);
  round();
  CAF_CHECK(peek() == known::active);
  clock.advance(1s);
  CAF_CHECK(peek() == known::must_load);
  CAF_CHECK(load()->error.code == errc::database_unavailable);
}

CAF_TEST_FIXTURE_SCOPE_END()
