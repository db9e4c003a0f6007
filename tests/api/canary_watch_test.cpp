#include "api/canary_watch.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr instant start{seconds{1'000}};

struct fixture {
  api::canary_watch watch{seconds{30}};

  static revocation_event event(std::uint8_t which, std::string reason, instant happened) {
    revocation_event e;
    e.session_id.bytes[15] = which;
    e.account_id = canary_account_id;
    e.reason = std::move(reason);
    e.happened = happened;
    return e;
  }

  void ended(std::uint8_t which, instant now) {
    watch.note(event(which, "canary", now), now);
  }

  void acknowledged(std::uint8_t which, instant at, instant now) {
    watch.note(event(which, std::string{canary_acknowledged}, at), now);
  }

  struct numbers {
    std::uint64_t count = 0;
    double sum = 0;
    double breaches = 0;
  };

  numbers told() const {
    metrics::snapshot s;
    watch.add_to(s);
    const auto& delay = s.families().at(0).samples.at(0).distribution;
    return {delay.count(), delay.sum(), s.families().at(1).samples.at(0).value};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(canary_watch_tests, fixture)

CAF_TEST(the delay is from the acknowledgement until the end was known) {
  ended(1, start + milliseconds{40});
  CAF_CHECK_EQUAL(told().count, 0u); // it may never be acknowledged
  acknowledged(1, start + milliseconds{10}, start + milliseconds{90});
  CAF_CHECK_EQUAL(told().count, 1u);
  CAF_CHECK_EQUAL(told().sum, 0.03);
  CAF_CHECK_EQUAL(told().breaches, 0);
}

CAF_TEST(who knew before the acknowledgement knew in no time) {
  ended(1, start);
  acknowledged(1, start + seconds{50}, start + seconds{50});
  CAF_CHECK_EQUAL(told().count, 1u);
  CAF_CHECK_EQUAL(told().sum, 0);
}

CAF_TEST(what is known later than the bound allows is a breach) {
  ended(1, start + seconds{30});
  acknowledged(1, start, start + seconds{30});
  CAF_CHECK_EQUAL(told().breaches, 0);
  ended(2, start + seconds{30} + milliseconds{1});
  acknowledged(2, start, start + seconds{31});
  CAF_CHECK_EQUAL(told().count, 2u);
  CAF_CHECK_EQUAL(told().breaches, 1);
}

CAF_TEST(an acknowledgement counts once and only of an end that was seen) {
  acknowledged(1, start, start); // this process began to follow between the two
  ended(2, start);
  acknowledged(2, start, start);
  acknowledged(2, start, start);
  ended(3, start);
  acknowledged(3, instant::min(), start); // nobody knows when
  CAF_CHECK_EQUAL(told().count, 1u);
}

CAF_TEST(the oldest of many that wait give their places away) {
  for (std::uint8_t which = 1; which <= 65; ++which)
    ended(which, start);
  acknowledged(1, start, start);
  CAF_CHECK_EQUAL(told().count, 0u);
  for (std::uint8_t which = 2; which <= 65; ++which)
    acknowledged(which, start, start);
  CAF_CHECK_EQUAL(told().count, 64u);
}

CAF_TEST_FIXTURE_SCOPE_END()
