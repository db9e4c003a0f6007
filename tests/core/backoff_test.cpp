#include "caf/test/unit_test.hpp"

#include "core/backoff.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace portcullis;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

constexpr int rounds = 1'000;

std::vector<nanoseconds> pauses(backoff pause, int count) {
  std::vector<nanoseconds> out;
  for (int i = 0; i < count; ++i)
    out.push_back(pause.next());
  return out;
}

} // namespace

CAF_TEST(without jitter the pauses double from the least to the most) {
  const std::vector<nanoseconds> expected{50ms, 100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms};
  CAF_CHECK(pauses(backoff{{50ms, 1000ms, 1, 1.0}}, 7) == expected);
}

CAF_TEST(a least pause that is the most does not grow) {
  CAF_CHECK(pauses(backoff{{7ms, 7ms, 1, 1.0}}, 3) == std::vector<nanoseconds>(3, 7ms));
}

CAF_TEST(after a success the pauses begin anew) {
  backoff pause{{50ms, 1000ms, 1, 1.0}};
  pause.next();
  pause.next();
  pause.reset();
  CAF_CHECK(pause.next() == 50ms);
  CAF_CHECK(pause.next() == 100ms);
}

CAF_TEST(jitter takes the least part to the whole and does not slow the doubling) {
  int outside = 0;
  bool is_near_least = false;
  bool is_near_whole = false;
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    nanoseconds whole = 100ms;
    for (const auto taken : pauses(backoff{{100ms, 400ms, seed, 0.5}}, 4)) {
      outside += taken < whole / 2 || taken > whole ? 1 : 0;
      is_near_least |= taken < whole * 55 / 100;
      is_near_whole |= taken > whole * 95 / 100;
      whole = std::min<nanoseconds>(2 * whole, 400ms);
    }
  }
  CAF_CHECK_EQUAL(outside, 0);
  CAF_CHECK(is_near_least);
  CAF_CHECK(is_near_whole);
}

CAF_TEST(jitter is told by the seed and neighbours do not come back in step) {
  CAF_CHECK(pauses(backoff{{1s, 64s, 7, 0.5}}, 9) == pauses(backoff{{1s, 64s, 7, 0.5}}, 9));
  std::set<nanoseconds> first;
  for (std::uint64_t seed = 0; seed < rounds; ++seed)
    first.insert(backoff{{1s, 64s, seed, 0.5}}.next());
  CAF_CHECK_EQUAL(first.size(), static_cast<std::size_t>(rounds));
}

CAF_TEST(a success does not repeat the jitter) {
  backoff pause{{1s, 64s, 1, 0.5}};
  std::set<nanoseconds> seen;
  for (int i = 0; i < rounds; ++i) {
    seen.insert(pause.next());
    pause.reset();
  }
  CAF_CHECK_EQUAL(seen.size(), static_cast<std::size_t>(rounds));
}
