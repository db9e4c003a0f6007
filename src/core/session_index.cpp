#include "core/session_index.hpp"

#include "core/slot_arena.hpp"
#include "core/slot_table.hpp"

#include <algorithm>

namespace portcullis {

namespace {

using detail::keyed_hash;
using detail::no_slot;
using detail::slot_arena;
using detail::slot_number;
using detail::slot_table;

/// One token. What a probe, the LRU list and the chain touch is in the first cache line, what the caller
/// gets in the second; processors that fetch lines in aligned pairs bring both at once.
struct alignas(128) entry {
  token_hash hash;
  instant loaded_at{};
  slot_number newer = no_slot; // LRU list
  slot_number older = no_slot; // LRU list; links free slots
  slot_number chain_previous = no_slot;
  slot_number chain_next = no_slot;
  slot_number account = no_slot;
  bool is_revoked = false;
  session_record record;
};

/// An account that has entries. `first` links free slots too.
struct account_entry {
  uuid account_id;
  slot_number first = no_slot; // head of the chain of its entries, in no particular order
};

static_assert(sizeof(entry) == 128 && sizeof(account_entry) == 20, "the cost of a session is documented");

} // namespace

/// What a session costs: a slot of 128 bytes, 20 more for its account if it is the only one there, and 8 bytes
/// in each of three tables that are between a third and two thirds full (48 bytes for a full index of a million).
/// Full with a million sessions of as many accounts that is about 200 bytes each.
struct session_index::impl {
  explicit impl(const options& opts)
    : entries_max(std::max<std::size_t>(opts.entries_max, 1)), ttl(opts.ttl), hash_of_token(opts.seed, 0),
      hash_of_session(opts.seed, 1), hash_of_account(opts.seed, 2), by_token(entries_max), by_session(entries_max),
      by_account(entries_max), entries(entries_max), accounts(entries_max) {
    // nop
  }

  // A plain comparison: hashes are no secrets, and where a probe ends depends on the data in any case.
  slot_number find_token(const token_hash& hash) {
    return by_token.find(hash_of_token(hash.bytes.data()),
                         [&](slot_number slot) { return entries[slot].hash.bytes == hash.bytes; });
  }

  slot_number find_session(const uuid& session_id) {
    return by_session.find(hash_of_session(session_id.bytes.data()),
                           [&](slot_number slot) { return entries[slot].record.session_id == session_id; });
  }

  slot_number find_account(const uuid& account_id) {
    return by_account.find(hash_of_account(account_id.bytes.data()),
                           [&](slot_number slot) { return accounts[slot].account_id == account_id; });
  }

  bool is_expired(const entry& e, instant now) const {
    return ttl.count() > 0 && now - e.loaded_at >= ttl;
  }

  void link_newest(slot_number slot) {
    entry& e = entries[slot];
    e.newer = no_slot;
    e.older = newest;
    (newest != no_slot ? entries[newest].newer : oldest) = slot;
    newest = slot;
  }

  void unlink_lru(const entry& e) {
    (e.newer != no_slot ? entries[e.newer].older : newest) = e.older;
    (e.older != no_slot ? entries[e.older].newer : oldest) = e.newer;
  }

  void touch(slot_number slot) {
    if (slot == newest)
      return;
    unlink_lru(entries[slot]);
    link_newest(slot);
  }

  void join_account(slot_number slot) {
    entry& e = entries[slot];
    e.account = find_account(e.record.account_id);
    if (e.account == no_slot) {
      e.account = accounts.allocate();
      accounts[e.account].account_id = e.record.account_id;
      by_account.insert(hash_of_account(e.record.account_id.bytes.data()), e.account);
    }
    slot_number& first = accounts[e.account].first;
    e.chain_next = first;
    if (first != no_slot)
      entries[first].chain_previous = slot;
    first = slot;
  }

  /// The account goes with its last entry.
  void leave_account(const entry& e) {
    account_entry& account = accounts[e.account];
    (e.chain_previous != no_slot ? entries[e.chain_previous].chain_next : account.first) = e.chain_next;
    if (e.chain_next != no_slot)
      entries[e.chain_next].chain_previous = e.chain_previous;
    if (account.first == no_slot) {
      by_account.erase(hash_of_account(account.account_id.bytes.data()), e.account);
      accounts.release(e.account);
    }
  }

  slot_number insert(const token_hash& hash, const session_record& record, instant now) {
    if (size == entries_max) {
      drop(oldest);
      ++evictions;
    }
    const slot_number slot = entries.allocate();
    entry& e = entries[slot];
    e.hash = hash;
    e.loaded_at = now;
    e.record = record;
    join_account(slot); // takes memory: before anything leads here
    by_token.insert(hash_of_token(hash.bytes.data()), slot);
    by_session.insert(hash_of_session(record.session_id.bytes.data()), slot);
    link_newest(slot);
    ++size;
    ++active;
    return slot;
  }

  void drop(slot_number slot) {
    const entry& e = entries[slot];
    by_token.erase(hash_of_token(e.hash.bytes.data()), slot);
    by_session.erase(hash_of_session(e.record.session_id.bytes.data()), slot);
    leave_account(e);
    unlink_lru(e);
    --size;
    if (!e.is_revoked)
      --active;
    entries.release(slot);
  }

  /// Returns whether it was active.
  bool revoke(entry& e) {
    if (e.is_revoked)
      return false;
    e.is_revoked = true;
    --active;
    return true;
  }

  const std::size_t entries_max;
  const std::chrono::nanoseconds ttl;
  const keyed_hash hash_of_token;
  const keyed_hash hash_of_session;
  const keyed_hash hash_of_account;
  slot_table by_token;
  slot_table by_session;
  slot_table by_account;
  slot_arena<entry, &entry::older> entries;
  slot_arena<account_entry, &account_entry::first> accounts;
  slot_number newest = no_slot;
  slot_number oldest = no_slot;
  std::size_t size = 0;
  std::size_t active = 0;
  std::uint64_t evictions = 0;
};

session_index::session_index(const options& opts) : impl_(std::make_unique<impl>(opts)), options_(opts) {
  // nop
}

session_index::~session_index() = default;

session_status session_index::find(const token_hash& hash, instant now, session_record* out) {
  const slot_number slot = impl_->find_token(hash);
  if (slot == no_slot)
    return session_status::unknown;
  const entry& e = impl_->entries[slot];
  if (impl_->is_expired(e, now)) {
    impl_->drop(slot);
    return session_status::unknown;
  }
  impl_->touch(slot);
  *out = e.record;
  return e.is_revoked ? session_status::revoked : session_status::active;
}

void session_index::put(const token_hash& hash, const session_record& record, instant now) {
  const slot_number held = impl_->find_token(hash);
  if (held != no_slot && impl_->entries[held].is_revoked)
    return;
  const slot_number twin = impl_->find_session(record.session_id);
  if (held != no_slot && held == twin && impl_->entries[held].record.account_id == record.account_id) {
    entry& e = impl_->entries[held];
    e.record = record;
    e.loaded_at = now;
    impl_->touch(held);
    return;
  }
  // The token names another session now, or the session has another token (it was rotated): no entry of
  // the old pair may stay. What was dead under the old token is dead under the new one.
  const bool is_dead = twin != no_slot && impl_->entries[twin].is_revoked;
  if (held != no_slot)
    impl_->drop(held);
  if (twin != no_slot && twin != held)
    impl_->drop(twin);
  const slot_number slot = impl_->insert(hash, record, now);
  if (is_dead)
    impl_->revoke(impl_->entries[slot]);
}

bool session_index::revoke_session(const uuid& session_id) {
  const slot_number slot = impl_->find_session(session_id);
  return slot != no_slot && impl_->revoke(impl_->entries[slot]);
}

std::size_t session_index::forget_active(const uuid& account_id) {
  const slot_number account = impl_->find_account(account_id);
  if (account == no_slot)
    return 0;
  std::size_t dropped = 0;
  for (slot_number slot = impl_->accounts[account].first; slot != no_slot;) {
    const slot_number next = impl_->entries[slot].chain_next;
    if (!impl_->entries[slot].is_revoked) {
      impl_->drop(slot);
      ++dropped;
    }
    slot = next;
  }
  return dropped;
}

bool session_index::forget(const token_hash& hash) {
  const slot_number slot = impl_->find_token(hash);
  if (slot == no_slot)
    return false;
  impl_->drop(slot);
  return true;
}

void session_index::clear() {
  // New tables come untouched from the kernel; wiping the old ones would touch all of their memory.
  auto fresh = std::make_unique<impl>(options_);
  fresh->evictions = impl_->evictions;
  impl_ = std::move(fresh);
}

std::size_t session_index::size() const noexcept {
  return impl_->size;
}

std::size_t session_index::active_size() const noexcept {
  return impl_->active;
}

std::size_t session_index::bytes() const noexcept {
  return impl_->by_token.bytes() + impl_->by_session.bytes() + impl_->by_account.bytes() + impl_->entries.bytes()
         + impl_->accounts.bytes();
}

std::uint64_t session_index::evictions() const noexcept {
  return impl_->evictions;
}

} // namespace portcullis
