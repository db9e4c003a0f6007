#include "trust/rate_limiter.hpp"

#include "caf/test/unit_test.hpp"

#include "core/allocation_count.hpp"
#include "trust/client_address.hpp"

#include <cmath>
#include <string>

using namespace portcullis;
using namespace portcullis::trust;
using namespace std::chrono_literals;

namespace {

constexpr siphash_key secret{1, 2};

struct fixture {
  rate_limiter limiter{1024, secret};
  rate_limiter::clock::time_point now{1'000'000s};
  quota allowed{10, 20}; // one every two seconds

  bool ask(std::string_view key) {
    return limiter.take(key, allowed, now).is_allowed;
  }
  /// How many of `count` requests at once are allowed.
  int burst(std::string_view key, int count) {
    int served = 0;
    for (int i = 0; i < count; ++i)
      served += ask(key) ? 1 : 0;
    return served;
  }
};

address_key ipv4(std::uint32_t number) {
  ip_address address;
  address.bytes[10] = address.bytes[11] = 0xff;
  for (std::size_t i = 0; i < 4; ++i)
    address.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return address_key{address};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(buckets, fixture)

CAF_TEST(a bucket holds its quota and no more) {
  CAF_CHECK_EQUAL(burst("a", 25), 10);
  CAF_CHECK_EQUAL(burst("b", 25), 10); // another key has a bucket of its own
  CAF_CHECK_EQUAL(limiter.refusals(), 30u);
}

CAF_TEST(a bucket fills again over its window) {
  CAF_CHECK_EQUAL(burst("a", 25), 10);
  now += 1999ms;
  CAF_CHECK_EQUAL(burst("a", 25), 0);
  now += 1ms;
  CAF_CHECK_EQUAL(burst("a", 25), 1);
  now += 7s;
  CAF_CHECK_EQUAL(burst("a", 25), 3);
  now += 19s; // a second was left
  CAF_CHECK_EQUAL(burst("a", 25), 10);
  now += 1h;
  CAF_CHECK_EQUAL(burst("a", 25), 10);
}

CAF_TEST(who is refused is told when to come back and is served then) {
  CAF_CHECK_EQUAL(burst("a", 10), 10);
  const auto refused = limiter.take("a", allowed, now);
  CAF_CHECK(!refused.is_allowed);
  CAF_CHECK_EQUAL(refused.remaining, 0u);
  CAF_CHECK_EQUAL(refused.retry_after_s(), 2u);
  now += std::chrono::seconds{refused.retry_after_s()};
  CAF_CHECK(ask("a"));
  now += 1999ms;
  CAF_CHECK_EQUAL(limiter.take("a", allowed, now).retry_after_s(), 1u); // never 0
}

CAF_TEST(refusals cost nothing) {
  CAF_CHECK_EQUAL(burst("a", 10'000), 10);
  now += 2s;
  CAF_CHECK(ask("a"));
}

CAF_TEST(what remains is told) {
  const auto first = limiter.take("a", allowed, now);
  CAF_CHECK(first.is_allowed);
  CAF_CHECK_EQUAL(first.remaining, 9u);
  CAF_CHECK_EQUAL(first.reset_s, 2u);
  CAF_CHECK_EQUAL(burst("a", 8), 8);
  const auto last = limiter.take("a", allowed, now);
  CAF_CHECK(last.is_allowed);
  CAF_CHECK_EQUAL(last.remaining, 0u);
  CAF_CHECK_EQUAL(last.reset_s, 20u);
}

CAF_TEST(to look takes nothing) {
  for (int i = 0; i < 100; ++i)
    CAF_CHECK_EQUAL(limiter.peek("a", allowed, now).remaining, 10u);
  CAF_CHECK_EQUAL(burst("a", 25), 10);
  CAF_CHECK(!limiter.peek("a", allowed, now).is_allowed);
  CAF_CHECK_EQUAL(limiter.peek("a", allowed, now).retry_after_s(), 2u);
}

CAF_TEST(a quota that is lowered counts at once and leaves no debt) {
  allowed = {1000, 1000};
  CAF_CHECK_EQUAL(burst("a", 1000), 1000);
  allowed = {10, 10};
  CAF_CHECK_EQUAL(burst("a", 5), 0);
  now += 10s;
  CAF_CHECK_EQUAL(burst("a", 25), 10);
}

CAF_TEST(a quota of many a second is kept exactly) {
  allowed = {100'000, 1};
  int served = 0;
  for (int ms = 0; ms < 1000; ++ms, now += 1ms)
    served += burst("a", 300);
  CAF_CHECK(served >= 199'800);
  CAF_CHECK(served <= 200'000); // the bucket, and what came into it
}

CAF_TEST(the fields are structured fields) {
  CAF_CHECK_EQUAL(render_rate_policy("guests", allowed), "\"guests\";q=10;w=20");
  CAF_CHECK_EQUAL(render_rate_limit("guests", limiter.take("a", allowed, now)), "\"guests\";r=9;t=2");
}

CAF_TEST(ten thousand addresses are each held to their quota) {
  rate_limiter large{1 << 16, secret};
  allowed = {5, 3600};
  std::uint64_t served = 0;
  for (int round = 0; round < 20; ++round)
    for (std::uint32_t address = 0; address < 10'000; ++address)
      served += large.take(ipv4(address).bytes(), allowed, now).is_allowed ? 1 : 0;
  CAF_CHECK(served >= 50'000);
  CAF_CHECK(served <= 50'500); // sets that more than four of them share let a few more through
  CAF_CHECK_EQUAL(large.memory_bytes(), std::size_t{1} << 20);
}

CAF_TEST(ten million addresses take no memory and nobody is refused for them) {
  rate_limiter large{1 << 16, secret};
  allowed = {5, 3600};
  const auto before = test::allocation_count();
  std::uint64_t served = 0;
  for (std::uint32_t address = 0; address < 10'000'000; ++address)
    served += large.take(ipv4(address).bytes(), allowed, now).is_allowed ? 1 : 0;
  const auto allocations = test::allocation_count() - before;
  CAF_CHECK_EQUAL(served, 10'000'000u);
  CAF_CHECK_EQUAL(allocations, 0u);
  CAF_CHECK_EQUAL(large.memory_bytes(), std::size_t{1} << 20);
  CAF_CHECK(large.evictions() >= 9'000'000u);
}

CAF_TEST(a flood of addresses does not free the one that floods most) {
  allowed = {10, 3600};
  CAF_CHECK_EQUAL(burst("busy", 10), 10);
  for (std::uint32_t address = 0; address < 100'000; ++address) {
    limiter.take(ipv4(address).bytes(), allowed, now);
    if (ask("busy"))
      CAF_FAIL("an empty bucket lost its place to one that was fuller");
  }
  CAF_CHECK_EQUAL(limiter.refusals(), 100'000u);
}

CAF_TEST(places whose buckets are full again are free) {
  for (std::uint32_t address = 0; address < 100; ++address)
    limiter.take(ipv4(address).bytes(), allowed, now);
  now += 20s;
  const auto evictions = limiter.evictions();
  for (std::uint32_t address = 100; address < 200; ++address)
    limiter.take(ipv4(address).bytes(), allowed, now);
  CAF_CHECK_EQUAL(limiter.evictions(), evictions);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(the hash is that of its authors) {
  // The first, second and last vector of SipHash's paper and its reference implementation: key 00..0f, input
  // 00..(n-1).
  const siphash_key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string input;
  CAF_CHECK_EQUAL(siphash(key, input), 0x726fdb47dd0e0e31u);
  for (char c = 0; c < 15; ++c)
    input += c;
  CAF_CHECK_EQUAL(siphash(key, input), 0xa129ca6149be45e5u);
}
