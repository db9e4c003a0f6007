#include "caf/test/unit_test.hpp"

#include "core/allocation_count.hpp"
#include "core/fixtures.hpp"
#include "core/session_index.hpp"

#include <memory>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  static session_index::options options(std::size_t entries_max, std::chrono::nanoseconds ttl = 0s) {
    session_index::options opts;
    opts.entries_max = entries_max;
    opts.entry_ttl = ttl;
    opts.seed = 42;
    return opts;
  }

  /// Token, session and account told by one number each; the account defaults to 100.
  void put(std::uint32_t token, std::uint32_t session, std::uint32_t account = 100, std::int32_t generation = 0) {
    index.put(make_hash(token), make_record(session, account, generation), now);
  }

  session_status find(std::uint32_t token) {
    return index.find(make_hash(token), now, &found);
  }

  bool is_active(std::uint32_t token) {
    return find(token) == session_status::active;
  }

  bool is_revoked(std::uint32_t token) {
    return find(token) == session_status::revoked;
  }

  bool is_unknown(std::uint32_t token) {
    return find(token) == session_status::unknown;
  }

  session_index index{options(4, 60s)};
  instant now = at(1'000);
  session_record found;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_index_tests, fixture)

CAF_TEST(a session is found by its token) {
  put(1, 11);
  CAF_CHECK(is_active(1));
  CAF_CHECK(found == make_record(11, 100));
  CAF_CHECK(is_unknown(2));
  CAF_CHECK_EQUAL(index.size(), 1u);
  CAF_CHECK_EQUAL(index.active_size(), 1u);
}

CAF_TEST(tokens that differ in any byte are different) {
  for (std::size_t i = 0; i < 32; ++i) {
    token_hash hash = make_hash(1);
    index.put(hash, make_record(11, 100), now);
    hash.bytes[i] ^= 0x80;
    CAF_CHECK(index.find(hash, now, &found) == session_status::unknown);
  }
}

CAF_TEST(a revoked session answers so and stays) {
  put(1, 11);
  put(2, 12);
  CAF_CHECK(index.revoke_session(make_uuid(11)));
  CAF_CHECK(is_revoked(1));
  CAF_CHECK(is_active(2));
  CAF_CHECK_EQUAL(index.size(), 2u);
  CAF_CHECK_EQUAL(index.active_size(), 1u);
  CAF_CHECK(!index.revoke_session(make_uuid(11)));
  CAF_CHECK(!index.revoke_session(make_uuid(13)));
}

CAF_TEST(death is final under the same token) {
  put(1, 11);
  index.revoke_session(make_uuid(11));
  put(1, 11);
  CAF_CHECK(is_revoked(1));
  put(1, 12); // whatever it says
  CAF_CHECK(is_revoked(1));
  CAF_CHECK_EQUAL(index.active_size(), 0u);
}

CAF_TEST(a put replaces the record) {
  put(1, 11, 100, 1);
  put(1, 11, 100, 2);
  CAF_CHECK(is_active(1));
  CAF_CHECK_EQUAL(found.generation, 2);
  CAF_CHECK_EQUAL(index.size(), 1u);
  put(1, 11, 101, 3); // to another account
  CAF_CHECK_EQUAL(index.size(), 1u);
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(100)), 0u);
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(101)), 1u);
}

CAF_TEST(a rotated token replaces the old one) {
  put(1, 11);
  put(2, 11);
  CAF_CHECK(is_unknown(1));
  CAF_CHECK(is_active(2));
  CAF_CHECK_EQUAL(index.size(), 1u);
  CAF_CHECK(index.revoke_session(make_uuid(11)));
  CAF_CHECK(is_revoked(2));
  put(3, 11); // the session is dead, under any token
  CAF_CHECK(is_revoked(3));
  CAF_CHECK(is_unknown(2));
  CAF_CHECK_EQUAL(index.active_size(), 0u);
}

CAF_TEST(a token that changes its session leaves the old one) {
  put(1, 11);
  put(2, 12);
  put(1, 12); // takes session 12 from token 2 and drops 11
  CAF_CHECK_EQUAL(index.size(), 1u);
  CAF_CHECK(is_active(1));
  CAF_CHECK(is_unknown(2));
  CAF_CHECK(!index.revoke_session(make_uuid(11)));
  CAF_CHECK(index.revoke_session(make_uuid(12)));
}

CAF_TEST(forgetting an account drops its living and keeps its dead) {
  put(1, 11);
  put(2, 12);
  put(3, 13, 101);
  index.revoke_session(make_uuid(12));
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(100)), 1u);
  CAF_CHECK(is_unknown(1));
  CAF_CHECK(is_revoked(2));
  CAF_CHECK(is_active(3));
  CAF_CHECK_EQUAL(index.size(), 2u);
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(100)), 0u);
}

CAF_TEST(at the bound the least recently used goes) {
  for (std::uint32_t n = 1; n <= 4; ++n)
    put(n, 10 + n);
  CAF_CHECK(is_active(1)); // used: 2 is the oldest now
  put(5, 15);
  CAF_CHECK(is_unknown(2));
  CAF_CHECK(is_active(1));
  CAF_CHECK_EQUAL(index.size(), 4u);
  CAF_CHECK_EQUAL(index.evictions(), 1u);
  put(3, 13); // a put is a use too
  put(6, 16);
  CAF_CHECK(is_unknown(4));
  CAF_CHECK(is_active(3));
}

CAF_TEST(revoked entries count and are evicted like others) {
  for (std::uint32_t n = 1; n <= 4; ++n)
    put(n, 10 + n);
  index.revoke_session(make_uuid(11));
  put(5, 15);
  CAF_CHECK(is_unknown(1));
  CAF_CHECK_EQUAL(index.size(), 4u);
  CAF_CHECK_EQUAL(index.active_size(), 4u);
}

CAF_TEST(an index of one entry works) {
  session_index one{options(1)};
  for (std::uint32_t n = 1; n <= 5; ++n) {
    one.put(make_hash(n), make_record(n, n), now);
    CAF_CHECK(one.find(make_hash(n), now, &found) == session_status::active);
  }
  CAF_CHECK_EQUAL(one.size(), 1u);
  CAF_CHECK_EQUAL(one.evictions(), 4u);
}

CAF_TEST(an entry ages from its load and not from its use) {
  put(1, 11);
  now += 59s;
  CAF_CHECK(is_active(1));
  now += 1s;
  CAF_CHECK(is_unknown(1));
  CAF_CHECK_EQUAL(index.size(), 0u);
  CAF_CHECK_EQUAL(index.active_size(), 0u);
  CAF_CHECK_EQUAL(index.evictions(), 0u);
  put(1, 11);
  now += 30s;
  put(1, 11); // loaded anew
  now += 59s;
  CAF_CHECK(is_active(1));
}

CAF_TEST(without a TTL entries do not age) {
  session_index ageless{options(4)};
  ageless.put(make_hash(1), make_record(11, 100), now);
  CAF_CHECK(ageless.find(make_hash(1), instant::max(), &found) == session_status::active);
}

CAF_TEST(clear drops everything and keeps the count of evictions) {
  for (std::uint32_t n = 1; n <= 5; ++n)
    put(n, 10 + n);
  index.clear();
  CAF_CHECK_EQUAL(index.size(), 0u);
  CAF_CHECK_EQUAL(index.active_size(), 0u);
  CAF_CHECK_EQUAL(index.evictions(), 1u);
  CAF_CHECK(is_unknown(5));
  CAF_CHECK(!index.revoke_session(make_uuid(15)));
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(100)), 0u);
  put(5, 15);
  CAF_CHECK(is_active(5));
}

CAF_TEST(nothing takes memory from the heap) {
  put(1, 11);
  const auto before = allocation_count();
  for (std::uint32_t n = 1; n <= 10; ++n) {
    put(n, 10 + n, 100 + n);
    find(n);
    index.revoke_session(make_uuid(10 + n));
    index.forget_active(make_uuid(100));
  }
  CAF_CHECK_EQUAL(allocation_count(), before);
  auto counted = std::make_unique<int>(1); // the counter works
  CAF_CHECK_EQUAL(allocation_count(), before + 1);
}

CAF_TEST(memory does not grow with what comes and goes) {
  for (std::uint32_t n = 1; n <= 4; ++n)
    put(n, n, n);
  const auto bytes = index.bytes();
  for (std::uint32_t n = 5; n < 50'000; ++n) // many times a chunk, each with an account of its own
    put(n, n, n);
  CAF_CHECK_EQUAL(index.bytes(), bytes);
  CAF_CHECK_EQUAL(index.evictions(), 49'995u);
}

// -- no operation takes longer because of how much it ends -----------------------------------------------------

CAF_TEST(forgetting an account takes no step however many sessions it has) {
  constexpr std::uint32_t sessions = 100'000;
  session_index large{options(2 * sessions)};
  for (std::uint32_t n = 0; n < sessions; ++n)
    large.put(make_hash(n), make_record(n, 100), now);
  large.put(make_hash(sessions), make_record(sessions, 101), now);
  const auto before = large.steps();
  CAF_CHECK_EQUAL(large.forget_active(make_uuid(100)), sessions);
  CAF_CHECK_EQUAL(large.steps(), before);
  CAF_CHECK_EQUAL(large.size(), 1u);
  CAF_CHECK_EQUAL(large.active_size(), 1u);
  CAF_CHECK(large.check_invariants());
  for (const std::uint32_t n : {0u, 1u, sessions / 2, sessions - 1})
    CAF_CHECK(large.find(make_hash(n), now, &found) == session_status::unknown);
  CAF_CHECK_EQUAL(large.steps(), before + 4); // each look-up drops the entry that it meets
  int calls = 0;
  for (bool has_more = true; has_more; ++calls) {
    const auto steps = large.steps();
    has_more = large.reclaim(512);
    CAF_CHECK(large.steps() - steps <= 512);
  }
  CAF_CHECK_EQUAL(calls, (sessions - 4 + 511) / 512);
  CAF_CHECK_EQUAL(large.steps(), before + sessions);
  CAF_CHECK(!large.has_garbage());
  CAF_CHECK(large.find(make_hash(sessions), now, &found) == session_status::active);
  CAF_CHECK(large.check_invariants());
}

CAF_TEST(an account that was forgotten is there again with what is loaded anew) {
  put(1, 11);
  put(2, 12);
  index.forget_active(make_uuid(100));
  put(2, 12); // before the old entries are gone
  CAF_CHECK(is_unknown(1));
  CAF_CHECK(is_active(2));
  while (index.reclaim(1))
    ;
  CAF_CHECK(is_active(2));
  CAF_CHECK_EQUAL(index.forget_active(make_uuid(100)), 1u);
  CAF_CHECK(is_unknown(2));
  CAF_CHECK(index.check_invariants());
}

CAF_TEST(what was forgotten makes room before what answers is evicted) {
  for (std::uint32_t n = 1; n <= 4; ++n)
    put(n, 10 + n, n <= 2 ? 100 : 101);
  index.forget_active(make_uuid(101)); // 3 and 4, which were used last
  put(5, 15, 102);
  put(6, 16, 102);
  CAF_CHECK_EQUAL(index.evictions(), 0u);
  for (const std::uint32_t n : {1u, 2u, 5u, 6u})
    CAF_CHECK(is_active(n));
  CAF_CHECK(index.check_invariants());
}

CAF_TEST(clearing a full index takes no step and its memory is given back in slices) {
  constexpr std::uint32_t sessions = 300'000;
  session_index large{options(sessions)};
  for (std::uint32_t n = 0; n < sessions; ++n)
    large.put(make_hash(n), make_record(n, n), now);
  const auto full = large.bytes();
  const auto before = large.steps();
  large.clear();
  CAF_CHECK_EQUAL(large.steps(), before);
  CAF_CHECK_EQUAL(large.size(), 0u);
  CAF_CHECK(large.bytes() > full); // the old memory is still here
  large.put(make_hash(1), make_record(1, 1), now);
  for (bool has_more = true; has_more;) {
    const auto held = large.bytes();
    has_more = large.reclaim(session_index::steps_per_slice);
    CAF_CHECK(held - large.bytes() <= 2 * 1'048'576);
  }
  CAF_CHECK(large.bytes() < full / 2);
  CAF_CHECK(large.find(make_hash(1), now, &found) == session_status::active);
  CAF_CHECK(large.find(make_hash(2), now, &found) == session_status::unknown);
}

CAF_TEST(a full index of as many accounts costs 160 bytes a session at most) {
  constexpr std::uint32_t sessions = 1'000'000;
  session_index large{options(sessions)};
  for (std::uint32_t n = 0; n < sessions; ++n)
    large.put(make_hash(n), make_record(n, n), now);
  CAF_CHECK(large.bytes() <= 160u * sessions);
}

CAF_TEST_FIXTURE_SCOPE_END()
