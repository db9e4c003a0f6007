#pragma once

#include "core/zeroed_pages.hpp"

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

/// Slots of one type that never move, in chunks that are made as they are needed and kept. Released slots
/// form a list through their own `Link` member and are handed out again first.
template <class T, slot_number T::*Link>
class slot_arena {
public:
  static_assert(std::is_trivially_destructible_v<T>);

  static constexpr unsigned chunk_bits = 12;
  static constexpr std::size_t chunk_slots = std::size_t{1} << chunk_bits;

  /// The list of chunks takes its final size here; at most `slots_max` slots may live at one time.
  explicit slot_arena(std::size_t slots_max) {
    chunks_.reserve(slots_max / chunk_slots + 1);
  }

  slot_number allocate() {
    slot_number slot = free_;
    if (slot != no_slot) {
      free_ = (*this)[slot].*Link;
    } else {
      slot = next_;
      if (slot >> chunk_bits >= chunks_.size())
        chunks_.emplace_back(chunk_bytes);
      ++next_;
    }
    new (address(slot)) T{};
    return slot;
  }

  void release(slot_number slot) noexcept {
    (*this)[slot].*Link = free_;
    free_ = slot;
  }

  T& operator[](slot_number slot) noexcept {
    return *std::launder(reinterpret_cast<T*>(address(slot)));
  }

  const T& operator[](slot_number slot) const noexcept {
    return *std::launder(reinterpret_cast<const T*>(address(slot)));
  }

  std::size_t bytes() const noexcept {
    return chunks_.size() * chunk_bytes + chunks_.capacity() * sizeof(zeroed_pages);
  }

  /// The memory, for whoever gives it back. The arena is of no use any more.
  page_blocks take_memory() noexcept {
    return std::move(chunks_);
  }

private:
  static constexpr std::size_t chunk_bytes = chunk_slots * sizeof(T);

  std::byte* address(slot_number slot) const noexcept {
    return chunks_[slot >> chunk_bits].data() + (slot & (chunk_slots - 1)) * sizeof(T);
  }

  page_blocks chunks_;
  slot_number next_ = no_slot + 1; // the first slot that was never handed out
  slot_number free_ = no_slot;
};

} // namespace portcullis::detail
