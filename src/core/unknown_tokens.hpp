#pragma once

#include "core/slot_table.hpp"
#include "core/token.hpp"

#include <cstddef>
#include <cstdint>

namespace portcullis {

/// A bounded set of token hashes that were looked up and do not exist. A 256-bit token that was never
/// minted never will be, so an entry is never wrong; the bound is for memory, first in goes first.
class unknown_tokens {
public:
  unknown_tokens(std::size_t entries_max, std::uint64_t seed);

  void put(const token_hash& hash);
  bool contains(const token_hash& hash) const noexcept;
  void clear();

  /// Gives memory back that `clear` left, at most `slices_max` slices. Returns whether there is more.
  bool reclaim(std::size_t slices_max) noexcept;

  bool has_garbage() const noexcept;
  std::size_t size() const noexcept;

private:
  /// The hashes in the order of their arrival; place `i` is slot `i + 1` of the table.
  token_hash* ring() const noexcept;
  std::uint32_t key(const token_hash& hash) const noexcept;

  std::size_t entries_max_;
  detail::keyed_hash hash_of_token_;
  detail::slot_table table_;
  detail::zeroed_pages ring_;
  std::size_t size_ = 0;
  std::size_t oldest_ = 0; // place of the next one to go, once the ring is full
  detail::retired_memory retired_;
};

} // namespace portcullis
