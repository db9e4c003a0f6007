#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/slot_table.hpp"

#include <map>
#include <set>

using namespace portcullis::test;
using portcullis::detail::keyed_hash;
using portcullis::detail::no_slot;
using portcullis::detail::slot_number;
using portcullis::detail::slot_table;

namespace {

/// True if each slot of `held` (slot to hash) is found under its hash, and no other of `slots_max`.
bool holds_exactly(const slot_table& table, const std::map<slot_number, std::uint32_t>& held,
                   const std::vector<std::uint32_t>& hashes) {
  for (slot_number slot = 1; slot < hashes.size(); ++slot) {
    const auto found = table.find(hashes[slot], [slot](slot_number candidate) { return candidate == slot; });
    if (found != (held.count(slot) != 0 ? slot : no_slot))
      return false;
  }
  return true;
}

/// Random insertions and deletions of keys whose hashes `make_hash` chooses.
template <class F>
bool survives_churn(dice& d, std::size_t slots_max, F make_hash) {
  slot_table table{slots_max};
  std::vector<std::uint32_t> hashes(slots_max + 1);
  for (auto& hash : hashes)
    hash = make_hash();
  std::map<slot_number, std::uint32_t> held;
  for (int step = 0; step < 2'000; ++step) {
    const auto slot = 1 + d.below(static_cast<std::uint32_t>(slots_max));
    if (held.count(slot) != 0) {
      table.erase(hashes[slot], slot);
      held.erase(slot);
    } else {
      table.insert(hashes[slot], slot);
      held.emplace(slot, hashes[slot]);
    }
    if (!holds_exactly(table, held, hashes))
      return false;
  }
  return true;
}

} // namespace

CAF_TEST(keys that all collide or wrap around the end are found after any deletion) {
  const auto seed = random_seed();
  CAF_MESSAGE("seed " << seed);
  dice d{seed};
  for (const std::size_t slots_max : {1u, 2u, 5u, 10u, 21u, 42u}) {
    CAF_CHECK(survives_churn(d, slots_max, [] { return 0u; }));          // one home
    CAF_CHECK(survives_churn(d, slots_max, [] { return 0xffffffffu; })); // the last home: all runs wrap
    CAF_CHECK(survives_churn(d, slots_max, [&] { return 0xfffffffeu + d.below(4); }));
    CAF_CHECK(survives_churn(d, slots_max, [&] { return d.below(8); }));
    CAF_CHECK(survives_churn(d, slots_max, [&] { return d.below(0x7fffffffu); }));
  }
}

CAF_TEST(a slot is looked at only when its whole hash agrees) {
  slot_table table{100};
  for (slot_number slot = 1; slot <= 100; ++slot)
    table.insert(slot << 16, slot); // all in one run, all different
  std::size_t looked_at = 0;
  const auto found = table.find(50u << 16, [&](slot_number slot) {
    ++looked_at;
    return slot == 50;
  });
  CAF_CHECK_EQUAL(found, 50u);
  CAF_CHECK_EQUAL(looked_at, 1u);
}

CAF_TEST(more slots than numbers are refused) {
  bool is_refused = false;
  try {
    slot_table table{slot_table::slots_limit + 1};
  } catch (const std::length_error&) {
    is_refused = true;
  }
  CAF_CHECK(is_refused);
}

CAF_TEST(the hash depends on every byte and on seed and table) {
  const auto bytes = make_uuid(1).bytes;
  const auto base = keyed_hash{1, 0}(bytes.data());
  std::set<std::uint32_t> seen{base, keyed_hash{2, 0}(bytes.data()), keyed_hash{1, 1}(bytes.data())};
  CAF_CHECK_EQUAL(seen.size(), 3u);
  CAF_CHECK_EQUAL((keyed_hash{1, 0}(bytes.data())), base);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto other = bytes;
    other[i] ^= 0x10;
    seen.insert(keyed_hash{1, 0}(other.data()));
  }
  CAF_CHECK_EQUAL(seen.size(), 3u + bytes.size());
}
