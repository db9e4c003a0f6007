#include "edge/address_health.hpp"

#include "core/fixtures.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::edge;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

address_health three() {
  address_health::options o;
  o.backoff_min = 100ms;
  o.backoff_max = 400ms;
  o.refusals_max = 2;
  return address_health{3, o};
}

constexpr instant start{1h};

} // namespace

CAF_TEST(the first usable address is chosen) {
  auto health = three();
  CAF_CHECK(health.choose(0) == std::size_t{0});
  CAF_CHECK(health.choose(0b001) == std::size_t{1});
  CAF_CHECK(health.failed(0, start));
  CAF_CHECK(!health.failed(0, start)); // it had failed before
  CAF_CHECK(health.choose(0) == std::size_t{1});
  CAF_CHECK(health.choose(0b010) == std::size_t{2});
  CAF_CHECK(!health.choose(0b110));
}

CAF_TEST(a failed address is probed after a pause that grows and varies) {
  auto health = three();
  CAF_CHECK(!health.next_probe());
  health.failed(1, start);
  auto now = start;
  std::chrono::nanoseconds longest{100ms};
  for (int round = 0; round < 5; ++round) {
    auto due = health.next_probe();
    CAF_REQUIRE(due);
    CAF_CHECK(*due - now >= longest / 4 && *due - now <= 400ms);
    CAF_CHECK(!health.take_probe(*due - 1ns));
    CAF_CHECK(health.take_probe(*due) == std::size_t{1});
    CAF_CHECK(!health.take_probe(*due)); // one at a time
    CAF_CHECK(!health.next_probe());
    now = *due;
    health.probed(1, probe_outcome::silent, now);
  }
  health.take_probe(now + 400ms);
  health.probed(1, probe_outcome::ready, now);
  CAF_CHECK(health.is_usable(1));
}

CAF_TEST(refusals in a row make an address fail and an answer forgives them) {
  auto health = three();
  CAF_CHECK(!health.refused(0, start));
  health.answered(0);
  CAF_CHECK(!health.refused(0, start));
  CAF_CHECK(health.refused(0, start));
  CAF_CHECK_EQUAL(health.usable(), 2u);
}

CAF_TEST(the last usable address is not given up for its refusals) {
  auto health = three();
  health.failed(0, start);
  health.failed(1, start);
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(!health.refused(2, start));
  CAF_CHECK(health.is_usable(2));
}

CAF_TEST(an address that is not ready is used when there is no other) {
  auto health = three();
  for (std::size_t i : {0u, 1u, 2u})
    health.failed(i, start);
  CAF_CHECK(!health.choose(0));
  CAF_CHECK(health.take_probe(start + 1s) == std::size_t{0});
  CAF_CHECK(health.take_probe(start + 1s) == std::size_t{1});
  health.probed(1, probe_outcome::not_ready, start + 1s);
  CAF_CHECK(health.is_usable(1));
  health.probed(0, probe_outcome::not_ready, start + 1s);
  CAF_CHECK(!health.is_usable(0));
}

CAF_TEST(with no address left a request tries one that nothing is trying) {
  auto health = three();
  CAF_CHECK(!health.take_trial());
  for (std::size_t i : {0u, 1u, 2u})
    health.failed(i, start);
  CAF_CHECK(health.take_probe(start + 1s) == std::size_t{0});
  CAF_CHECK(health.take_trial() == std::size_t{1});
  CAF_CHECK(health.take_trial() == std::size_t{2});
  CAF_CHECK(!health.take_trial());
  health.probed(2, probe_outcome::silent, start + 1s);
  CAF_CHECK(health.take_trial() == std::size_t{2});
  health.probed(2, probe_outcome::ready, start + 1s);
  CAF_CHECK(health.is_usable(2));
  CAF_CHECK(!health.take_trial());
}
