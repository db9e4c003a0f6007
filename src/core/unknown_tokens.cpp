#include "core/unknown_tokens.hpp"

#include <algorithm>
#include <utility>

namespace portcullis {

using detail::no_slot;
using detail::slot_number;
using detail::slot_table;
using detail::zeroed_pages;

namespace {

zeroed_pages make_ring(std::size_t entries_max) {
  return zeroed_pages{std::max<std::size_t>(entries_max, 1) * sizeof(token_hash)};
}

} // namespace

unknown_tokens::unknown_tokens(std::size_t entries_max, std::uint64_t seed)
  : entries_max_(entries_max), hash_of_token_(seed, 0), table_(entries_max), ring_(make_ring(entries_max)) {
  // nop
}

void unknown_tokens::put(const token_hash& hash) {
  if (entries_max_ == 0 || contains(hash))
    return;
  auto place = size_;
  if (size_ < entries_max_) {
    ++size_;
  } else {
    place = oldest_;
    oldest_ = (oldest_ + 1) % entries_max_;
    table_.erase(key(ring()[place]), static_cast<slot_number>(place + 1));
  }
  ring()[place] = hash;
  table_.insert(key(hash), static_cast<slot_number>(place + 1));
}

bool unknown_tokens::contains(const token_hash& hash) const noexcept {
  return table_.find(key(hash), [&](slot_number slot) { return ring()[slot - 1].bytes == hash.bytes; }) != no_slot;
}

void unknown_tokens::clear() {
  retired_.add(table_.take_memory());
  retired_.add(std::move(ring_));
  table_ = slot_table{entries_max_};
  ring_ = make_ring(entries_max_);
  size_ = 0;
  oldest_ = 0;
}

bool unknown_tokens::reclaim(std::size_t slices_max) noexcept {
  for (std::size_t slice = 0; slice < slices_max && !retired_.empty(); ++slice)
    retired_.release_slice();
  return !retired_.empty();
}

bool unknown_tokens::has_garbage() const noexcept {
  return !retired_.empty();
}

std::size_t unknown_tokens::size() const noexcept {
  return size_;
}

token_hash* unknown_tokens::ring() const noexcept {
  return reinterpret_cast<token_hash*>(ring_.data());
}

std::uint32_t unknown_tokens::key(const token_hash& hash) const noexcept {
  return hash_of_token_(hash.bytes.data());
}

} // namespace portcullis
