#include "caf/test/unit_test.hpp"

#include "actors/log_broadcast.hpp"
#include "core/fixtures.hpp"

#include <string>

using namespace portcullis;
using namespace portcullis::test;

namespace {

log_progress progress(std::uint64_t from, std::uint64_t to, instant read_began = at(0)) {
  log_progress news;
  news.read_began = read_began;
  for (auto seq = from; seq <= to; ++seq) {
    news.events.emplace_back();
    news.events.back().seq = seq;
  }
  news.position = {1, to};
  return news;
}

log_progress empty_progress(std::uint64_t position, instant read_began) {
  auto news = progress(1, 0, read_began);
  news.position = {1, position};
  return news;
}

std::string told(const log_news& news) {
  if (const auto* p = std::get_if<log_progress>(&news))
    return "progress of " + std::to_string(p->events.size()) + " to " + std::to_string(p->position.seq);
  return std::holds_alternative<epoch_changed>(news) ? "epoch" : "warmed";
}

/// What would be sent now: "" when nothing.
std::string next(sink_outbox& box) {
  const auto* news = box.next();
  return news != nullptr ? told(*news) : "";
}

struct fixture {
  log_broadcast broadcast{2};

  std::vector<std::string> sent() {
    std::vector<std::string> result;
    broadcast.send_ready(
      [&](std::size_t sink, const log_news& news) { result.push_back(std::to_string(sink) + " " + told(news)); });
    return result;
  }
};

using lines = std::vector<std::string>;

} // namespace

CAF_TEST(one message is on its way and what comes meanwhile is one message) {
  sink_outbox box;
  box.put(progress(1, 2, at(1)));
  CAF_CHECK_EQUAL(next(box), "progress of 2 to 2");
  box.put(progress(3, 3, at(2)));
  box.put(empty_progress(5, at(3)));
  CAF_CHECK_EQUAL(next(box), "");
  box.taken();
  CAF_CHECK_EQUAL(next(box), "progress of 1 to 5");
  const auto merged = std::get<log_progress>(box.taken());
  CAF_CHECK(merged.read_began == at(3));
  CAF_CHECK_EQUAL(merged.events[0].seq, 3u);
  CAF_CHECK_EQUAL(next(box), "");
}

CAF_TEST(progress that did not reach the end of the log takes no lease away) {
  sink_outbox box;
  box.put(empty_progress(1, at(3)));
  box.put(progress(2, 3, instant::min()));
  CAF_CHECK_EQUAL(next(box), "progress of 2 to 3");
  CAF_CHECK(std::get<log_progress>(box.taken()).read_began == at(3));
}

CAF_TEST(many events go in parts of which only the last renews the lease) {
  const std::uint64_t part = sink_outbox::message_events_max;
  sink_outbox box;
  box.put(progress(1, 2 * part + 7, at(9)));
  for (int i = 1; i <= 2; ++i) {
    CAF_REQUIRE(box.next() != nullptr);
    const auto sent = std::get<log_progress>(box.taken());
    CAF_CHECK_EQUAL(sent.events.size(), part);
    CAF_CHECK_EQUAL(sent.position.seq, static_cast<std::uint64_t>(i) * part);
    CAF_CHECK(sent.read_began == instant::min());
  }
  CAF_REQUIRE(box.next() != nullptr);
  const auto last = std::get<log_progress>(box.taken());
  CAF_CHECK_EQUAL(last.events.size(), 7u);
  CAF_CHECK_EQUAL(last.position.seq, 2 * part + 7);
  CAF_CHECK(last.read_began == at(9));
}

CAF_TEST(a new epoch makes what waits void and is told first) {
  sink_outbox box;
  box.put(cache_warmed{1});
  box.put(progress(1, 2));
  box.put(epoch_changed{{2, 7}, "restored", at(1)});
  box.put(cache_warmed{3});
  box.put(progress(8, 8));
  CAF_CHECK_EQUAL(next(box), "epoch");
  box.taken();
  CAF_CHECK_EQUAL(next(box), "warmed");
  const auto warmed = std::get<cache_warmed>(box.taken());
  CAF_CHECK_EQUAL(warmed.sessions, 3u);
  CAF_CHECK_EQUAL(next(box), "progress of 1 to 8");
  box.taken();
  CAF_CHECK(!box.has_waiting() && !box.is_busy());
}

CAF_TEST_FIXTURE_SCOPE(log_broadcast_tests, fixture)

CAF_TEST(the second sink is told what the first has taken) {
  broadcast.put(progress(1, 2));
  CAF_CHECK_EQUAL(sent(), (lines{"0 progress of 2 to 2"}));
  CAF_CHECK(broadcast.is_first_behind());
  CAF_CHECK_EQUAL(sent(), lines{});
  broadcast.taken(0);
  CAF_CHECK(!broadcast.is_first_behind());
  CAF_CHECK_EQUAL(sent(), (lines{"1 progress of 2 to 2"}));
  broadcast.put(progress(3, 3));
  CAF_CHECK_EQUAL(sent(), (lines{"0 progress of 1 to 3"})); // the second is busy, the first is not
  broadcast.taken(0);
  CAF_CHECK_EQUAL(sent(), lines{});
  CAF_CHECK(broadcast.has_waiting());
  broadcast.taken(1);
  CAF_CHECK_EQUAL(sent(), (lines{"1 progress of 1 to 3"}));
  broadcast.taken(1);
  CAF_CHECK(!broadcast.has_waiting());
}

CAF_TEST(it is full when a sink has enough before it and not when that has ended) {
  broadcast.put(empty_progress(1, at(0)));
  sent();
  broadcast.taken(0);
  sent();
  std::uint64_t seq = 2;
  while (!broadcast.is_full()) {
    CAF_REQUIRE(seq < 100'000);
    broadcast.put(progress(seq, seq + 99));
    seq += 100;
    sent();
    broadcast.taken(0);
  }
  CAF_CHECK(seq >= log_broadcast::waiting_events_max);
  broadcast.gone(1);
  CAF_CHECK(!broadcast.is_full());
  CAF_CHECK(!broadcast.has_waiting());
  broadcast.taken(1); // a late reply
}

CAF_TEST_FIXTURE_SCOPE_END()
