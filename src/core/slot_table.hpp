#pragma once

#include "core/slot_arena.hpp"
#include "core/splitmix64.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>

/// Internal to core.
namespace portcullis::detail {

/// Hashes 16 bytes under a key. A client that makes keys for the tables (by asking for tokens, by grinding
/// them) cannot aim at one place without knowing the seed. Tables with different `stream`s share no pattern.
class keyed_hash {
public:
  keyed_hash(std::uint64_t seed, std::uint64_t stream) noexcept
    : key_low_(scatter(seed + 2 * stream * splitmix64_increment)),
      key_high_(scatter(seed + (2 * stream + 1) * splitmix64_increment)) {
    // nop
  }

  std::uint32_t operator()(const std::uint8_t* bytes) const noexcept {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, bytes, sizeof low);
    std::memcpy(&high, bytes + sizeof low, sizeof high);
    return static_cast<std::uint32_t>(scatter(scatter(low ^ key_low_) + (high ^ key_high_)) >> 32);
  }

private:
  static constexpr std::uint64_t scatter(std::uint64_t x) noexcept {
    return splitmix64_mix(x + splitmix64_increment);
  }

  std::uint64_t key_low_;
  std::uint64_t key_high_;
};

/// A hash table of slot numbers with open addressing, linear probing and a size that never changes: 4/3 of the
/// bound, so that a run of full cells stays short and an empty one always ends it. Nothing ever rehashes. The home
/// of a key is its hash scaled to the number of cells (https://arxiv.org/abs/1805.10941), which need not be a
/// power of two.
///
/// A cell holds the key's 32-bit hash next to the slot number. A probe therefore looks at the slot itself only
/// when all 32 bits agree (once in some thousand misses for nothing), and a deletion knows the home of
/// each cell that it may have to move without touching a slot at all. Keys are compared by the caller.
///
/// Deletion shifts back what the hole would cut off from its home, so there are no tombstones and the cost of
/// a look-up depends on what is held now, not on what ever was.
class slot_table {
public:
  static constexpr std::size_t slots_limit = std::size_t{1} << 30;

  /// At most `slots_max` slots may be in the table at one time. The memory is touched only where it is used.
  explicit slot_table(std::size_t slots_max)
    : count_(cell_count(slots_max)), memory_(count_ * sizeof(cell)),
      cells_(reinterpret_cast<cell*>(memory_.data())) {
    // Zeroed memory is an array of empty cells.
  }

  /// The slot with this hash for which `is_match(slot)` holds, or `no_slot`.
  template <class Predicate>
  slot_number find(std::uint32_t hash, Predicate is_match) const {
    for (std::size_t i = home(hash);; i = next(i)) {
      const cell& c = cells_[i];
      if (c.slot == no_slot || (c.hash == hash && is_match(c.slot)))
        return c.slot;
    }
  }

  /// Requires that the key is not held.
  void insert(std::uint32_t hash, slot_number slot) noexcept {
    std::size_t i = home(hash);
    while (cells_[i].slot != no_slot)
      i = next(i);
    cells_[i] = {slot, hash};
  }

  /// Requires that `slot` is held under this hash.
  void erase(std::uint32_t hash, slot_number slot) noexcept {
    std::size_t hole = home(hash);
    while (cells_[hole].slot != slot)
      hole = next(hole);
    // A later cell of the run moves into the hole unless its home lies behind the hole: then it is still
    // reachable.
    for (std::size_t i = next(hole); cells_[i].slot != no_slot; i = next(i)) {
      if (distance(home(cells_[i].hash), i) >= distance(hole, i)) {
        cells_[hole] = cells_[i];
        hole = i;
      }
    }
    cells_[hole] = {};
  }

  /// Brings the cells in which a probe for `hash` begins nearer.
  void prefetch(std::uint32_t hash) const noexcept {
    __builtin_prefetch(cells_ + home(hash));
  }

  std::size_t bytes() const noexcept {
    return memory_.size();
  }

  /// The memory, to be given back. The table is of no use any more.
  zeroed_pages take_memory() noexcept {
    return std::move(memory_);
  }

private:
  struct cell {
    slot_number slot = no_slot;
    std::uint32_t hash = 0;
  };

  static std::size_t cell_count(std::size_t slots_max) {
    if (slots_max > slots_limit)
      throw std::length_error("slot_table: more than 2^30 slots");
    constexpr std::size_t smallest = 8;
    return slots_max + slots_max / 3 + smallest;
  }

  std::size_t home(std::uint32_t hash) const noexcept {
    return static_cast<std::size_t>((std::uint64_t{hash} * count_) >> 32);
  }

  std::size_t next(std::size_t i) const noexcept {
    return i + 1 == count_ ? 0 : i + 1;
  }

  std::size_t distance(std::size_t from, std::size_t to) const noexcept {
    return to >= from ? to - from : to + count_ - from;
  }

  std::size_t count_;
  zeroed_pages memory_;
  cell* cells_;
};

} // namespace portcullis::detail
