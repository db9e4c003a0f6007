#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/told_clock.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

constexpr timestamp noon{43'200s};

} // namespace

CAF_TEST(nothing is told before the first reading) {
  told_clock clock;
  CAF_CHECK(!clock.at(at(1)));
  clock.tell({noon, at(1)});
  CAF_CHECK(clock.at(at(1)) == noon);
  clock.forget();
  CAF_CHECK(!clock.at(at(1)));
}

CAF_TEST(time goes on between two readings) {
  told_clock clock;
  clock.tell({noon, at(10)});
  CAF_CHECK(clock.at(at(10) + 1500us) == noon + 1500us);
  CAF_CHECK(clock.at(at(9)) == noon - 1s);
}

CAF_TEST(the reading that came fastest counts) {
  told_clock clock;
  clock.tell({noon, at(10)});
  clock.tell({noon + 5s, at(15) + 300ms}); // a slow way: it was later than that when it was heard
  CAF_CHECK(clock.at(at(16)) == noon + 6s);
  clock.tell({noon + 7s, at(16)});
  CAF_CHECK(clock.at(at(16)) == noon + 7s);
}

CAF_TEST(a clock that was set back is believed after a minute) {
  told_clock clock;
  clock.tell({noon, at(0)});
  clock.tell({noon - 1h, at(60) - 1ns});
  CAF_CHECK(clock.at(at(60)) == noon + 1min);
  clock.tell({noon - 1h, at(60)});
  CAF_CHECK(clock.at(at(60)) == noon - 1h);
}
