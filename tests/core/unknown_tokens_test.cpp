#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/unknown_tokens.hpp"

#include <algorithm>
#include <deque>

using namespace portcullis;
using namespace portcullis::test;

CAF_TEST(unknown tokens are remembered until the bound and the first in goes first) {
  unknown_tokens tokens{3, 1};
  for (std::uint32_t n : {1u, 2u, 3u})
    tokens.put(make_hash(n));
  tokens.put(make_hash(1)); // held: keeps its place
  CAF_CHECK_EQUAL(tokens.size(), 3u);
  tokens.put(make_hash(4));
  CAF_CHECK_EQUAL(tokens.size(), 3u);
  CAF_CHECK(!tokens.contains(make_hash(1)));
  CAF_CHECK(tokens.contains(make_hash(2)));
  CAF_CHECK(tokens.contains(make_hash(4)));
  tokens.clear();
  CAF_CHECK_EQUAL(tokens.size(), 0u);
  CAF_CHECK(!tokens.contains(make_hash(4)));
  tokens.put(make_hash(4));
  CAF_CHECK(tokens.contains(make_hash(4)));
}

CAF_TEST(what a clear leaves is given back in slices) {
  unknown_tokens tokens{100'000, 1};
  for (std::uint32_t n = 0; n < 100'000; ++n)
    tokens.put(make_hash(n));
  CAF_CHECK(!tokens.has_garbage());
  tokens.clear();
  int calls = 1;
  while (tokens.reclaim(1)) // of 2 MiB
    ++calls;
  CAF_CHECK(calls >= 100'000 * (32 + 10) / (2 * 1'048'576));
  CAF_CHECK(!tokens.has_garbage());
}

CAF_TEST(a set of unknown tokens without room holds none) {
  unknown_tokens tokens{0, 1};
  tokens.put(make_hash(1));
  CAF_CHECK_EQUAL(tokens.size(), 0u);
  CAF_CHECK(!tokens.contains(make_hash(1)));
}

CAF_TEST(the set of unknown tokens agrees with a plain queue) {
  const auto seed = random_seed();
  CAF_MESSAGE("seed " << seed);
  dice d{seed};
  std::size_t disagreements = 0;
  for (const std::size_t entries_max : {1u, 2u, 7u, 30u}) {
    unknown_tokens tokens{entries_max, seed};
    std::deque<std::uint32_t> reference;
    const auto is_held = [&](std::uint32_t n) { return std::count(reference.begin(), reference.end(), n) != 0; };
    for (int step = 0; step < 20'000; ++step) {
      const auto n = d.below(50);
      tokens.put(make_hash(n));
      if (!is_held(n)) {
        if (reference.size() == entries_max)
          reference.pop_front();
        reference.push_back(n);
      }
      const auto probe = d.below(50);
      disagreements += tokens.contains(make_hash(probe)) != is_held(probe) ? 1 : 0;
      disagreements += tokens.size() != reference.size() ? 1 : 0;
    }
  }
  CAF_CHECK_EQUAL(disagreements, 0u);
}
