#include "api/handshake_limit.hpp"

#include "caf/test/unit_test.hpp"

#include <chrono>
#include <string>

using namespace portcullis;
using namespace portcullis::api;
using namespace std::chrono_literals;

namespace {

struct fixture {
  trust::rate_limiter::clock::time_point now{1'000'000s};

  handshake_limit make(std::optional<trust::quota> rate) {
    handshake_limit_options options;
    options.rate = rate;
    options.places = 64;
    options.now = [this] { return now; };
    return handshake_limit{options};
  }
};

/// How many of `count` handshakes at once are let in.
int burst(handshake_limit& limit, std::string_view address, int count) {
  int let_in = 0;
  for (int i = 0; i < count; ++i)
    let_in += limit.admit(address) ? 1 : 0;
  return let_in;
}

double number_of(const handshake_limit& limit, std::string_view name) {
  metrics::snapshot numbers;
  limit.add_to(numbers);
  for (const auto& family : numbers.families())
    if (family.what->name == name)
      return family.samples.at(0).value;
  return -1;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(handshakes, fixture)

CAF_TEST(an address begins as many handshakes as its bucket holds and the others theirs) {
  auto limit = make(trust::quota{10, 20});
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 50), 10);
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.2", 5), 5);
  CAF_CHECK_EQUAL(number_of(limit, "portcullis_rate_limited_total"), 40);
}

CAF_TEST(the bucket fills again with time) {
  auto limit = make(trust::quota{10, 20});
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 50), 10);
  now += 1999ms;
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 50), 0);
  now += 1ms;
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 50), 1);
  now += 20s;
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 50), 10);
}

CAF_TEST(an IPv6 network of 64 bits is one client and an IPv4 address is one in both spellings) {
  auto limit = make(trust::quota{10, 20});
  CAF_CHECK_EQUAL(burst(limit, "2001:db8:0:1::1", 6), 6);
  CAF_CHECK_EQUAL(burst(limit, "2001:db8:0:1:ffff::2", 6), 4);
  CAF_CHECK_EQUAL(burst(limit, "2001:db8:0:2::1", 6), 6);
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 6), 6);
  CAF_CHECK_EQUAL(burst(limit, "::ffff:192.0.2.1", 6), 4);
}

CAF_TEST(those whose address is not known share a bucket) {
  auto limit = make(trust::quota{10, 20});
  CAF_CHECK_EQUAL(burst(limit, "", 6), 6);
  CAF_CHECK_EQUAL(burst(limit, "no address", 6), 4);
}

CAF_TEST(any number of addresses is counted in memory that does not grow) {
  auto limit = make(trust::quota{10, 20});
  for (int i = 0; i < 10'000; ++i)
    CAF_CHECK(limit.admit("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250)));
  CAF_CHECK(number_of(limit, "portcullis_rate_limit_evictions_total") > 9'000);
}

CAF_TEST(without a rate all are let in and nothing is counted) {
  auto limit = make(std::nullopt);
  CAF_CHECK_EQUAL(burst(limit, "192.0.2.1", 100'000), 100'000);
  CAF_CHECK_EQUAL(number_of(limit, "portcullis_rate_limited_total"), -1);
}

CAF_TEST_FIXTURE_SCOPE_END()
