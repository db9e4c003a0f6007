#include "core/session_index.hpp"

#include "core/slot_table.hpp"

namespace portcullis {

using detail::keyed_hash;
using detail::no_slot;
using detail::slot_number;
using detail::slot_table;

/// The ring holds the hashes in the order of their arrival; place `i` is slot `i + 1` of the table.
struct unknown_tokens::impl {
  impl(std::size_t entries_max_, std::uint64_t seed_)
    : entries_max(entries_max_), seed(seed_), hash_of_token(seed_, 0), table(entries_max_) {
    ring.reserve(entries_max);
  }

  std::uint32_t key(const token_hash& hash) const {
    return hash_of_token(hash.bytes.data());
  }

  std::size_t entries_max;
  std::uint64_t seed;
  keyed_hash hash_of_token;
  slot_table table;
  std::vector<token_hash> ring;
  std::size_t oldest = 0; // place of the next one to go, once the ring is full
};

unknown_tokens::unknown_tokens(std::size_t entries_max, std::uint64_t seed)
  : impl_(std::make_unique<impl>(entries_max, seed)) {
  // nop
}

unknown_tokens::~unknown_tokens() = default;

void unknown_tokens::put(const token_hash& hash) {
  impl& i = *impl_;
  if (i.entries_max == 0 || contains(hash))
    return;
  std::size_t place = i.ring.size();
  if (place < i.entries_max) {
    i.ring.push_back(hash);
  } else {
    place = i.oldest;
    i.oldest = (i.oldest + 1) % i.entries_max;
    i.table.erase(i.key(i.ring[place]), static_cast<slot_number>(place + 1));
    i.ring[place] = hash;
  }
  i.table.insert(i.key(hash), static_cast<slot_number>(place + 1));
}

bool unknown_tokens::contains(const token_hash& hash) const noexcept {
  const impl& i = *impl_;
  return i.table.find(i.key(hash), [&](slot_number slot) { return i.ring[slot - 1].bytes == hash.bytes; })
         != no_slot;
}

void unknown_tokens::clear() {
  impl_ = std::make_unique<impl>(impl_->entries_max, impl_->seed);
}

std::size_t unknown_tokens::size() const noexcept {
  return impl_->ring.size();
}

} // namespace portcullis
