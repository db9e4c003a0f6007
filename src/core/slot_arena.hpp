#pragma once

#include "core/zeroed_pages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

/// Internal to core.
namespace portcullis::detail {

/// Names a slot of an arena: half of a pointer's size, and still right when the memory behind it is described
/// anew.
using slot_number = std::uint32_t;

/// No slot. Zero, so that zeroed memory is an empty table.
inline constexpr slot_number no_slot = 0;

/// Slots of one type that never move. Address space for all of them is taken at once, and memory where they are
/// used. Released slots form a list through their own `Link` member and are handed out again first.
template <class T, slot_number T::*Link>
class slot_arena {
public:
  static_assert(std::is_trivially_destructible_v<T>);

  /// At most `slots_max` slots may live at one time.
  explicit slot_arena(std::size_t slots_max)
    : memory_((slots_max + 1) * sizeof(T)), slots_(reinterpret_cast<T*>(memory_.data())) {
    // Slot 0 is none.
  }

  slot_number allocate() noexcept {
    slot_number slot = free_;
    if (slot != no_slot)
      free_ = slots_[slot].*Link;
    else
      slot = next_++;
    new (slots_ + slot) T{};
    return slot;
  }

  void release(slot_number slot) noexcept {
    slots_[slot].*Link = free_;
    free_ = slot;
  }

  T& operator[](slot_number slot) noexcept {
    return slots_[slot];
  }

  const T& operator[](slot_number slot) const noexcept {
    return slots_[slot];
  }

  /// What was ever used.
  std::size_t bytes() const noexcept {
    return next_ * sizeof(T);
  }

  /// The memory, to be given back. The arena is of no use any more.
  zeroed_pages take_memory() noexcept {
    memory_.release_tail(memory_.size() - std::min(memory_.size(), bytes()));
    return std::move(memory_);
  }

private:
  zeroed_pages memory_;
  T* slots_;
  slot_number next_ = no_slot + 1; // the first slot that was never handed out
  slot_number free_ = no_slot;
};

} // namespace portcullis::detail
