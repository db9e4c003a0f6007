#include "core/session_index.hpp"

#include "core/invariant.hpp"
#include "core/slot_arena.hpp"
#include "core/slot_table.hpp"

#include <algorithm>

namespace portcullis {

namespace {

using detail::keyed_hash;
using detail::no_slot;
using detail::retired_memory;
using detail::slot_arena;
using detail::slot_number;
using detail::slot_table;

/// One token. Three halves of a cache line, so an entry never touches more than two lines.
struct alignas(32) entry {
  token_hash hash;
  slot_number newer = no_slot;   // LRU list
  slot_number older = no_slot;   // LRU list; links free slots
  slot_number account = no_slot; // none: the session is dead
  slot_number chain_previous = no_slot;
  slot_number chain_next = no_slot;
  std::int32_t generation = 0;
  uuid session_id;
  instant loaded_at{};
  timestamp created_at{};
  std::uint64_t is_guest : 1;
  std::uint64_t lifetime_us : 63; // from its creation to its expiry

  bool is_revoked() const noexcept {
    return account == no_slot;
  }
};

/// The lifetime of a session that does not expire.
constexpr std::uint64_t endless = (std::uint64_t{1} << 63) - 1;

/// An account that has active entries, or that was forgotten and still has some: its chain waits to be taken
/// apart.
struct account_entry {
  /// Says that the account was not forgotten, in place of a link.
  static constexpr slot_number not_forgotten = ~slot_number{0};

  uuid account_id;
  slot_number first = no_slot; // head of the chain of its entries, in no particular order; links free slots
  std::uint32_t length = 0;    // of the chain
  slot_number forgotten_previous = not_forgotten;

  bool is_forgotten() const noexcept {
    return forgotten_previous != not_forgotten;
  }

  /// A forgotten account has no more use for the length of its chain.
  slot_number& forgotten_next() noexcept {
    return length;
  }
};

static_assert(sizeof(entry) == 96 && sizeof(account_entry) == 28, "the cost of a session is documented");

} // namespace

/// What a session costs: a slot of 96 bytes, 28 more for its account if it is the only one there, and 8 bytes in
/// each of three tables that are three quarters full when the index is (32 bytes). Full, with as many accounts as
/// sessions, that is 156 bytes each.
struct session_index::impl {
  explicit impl(const options& opts)
    : entries_max(std::max<std::size_t>(opts.entries_max, 1)), ttl(opts.entry_ttl), hash_of_token(opts.seed, 0),
      hash_of_session(opts.seed, 1), hash_of_account(opts.seed, 2), by_token(entries_max), by_session(entries_max),
      by_account(entries_max), entries(entries_max), accounts(entries_max) {}

  // -- looking up ------------------------------------------------------------------------------------------

  /// The slot, unless its account was forgotten: then it goes now.
  slot_number live(slot_number slot) {
    if (slot == no_slot || !is_forgotten(entries[slot]))
      return slot;
    drop(slot);
    return no_slot;
  }

  bool is_forgotten(const entry& e) const {
    return !e.is_revoked() && accounts[e.account].is_forgotten();
  }

  // A plain comparison: hashes are no secrets, and where a probe ends depends on the data in any case.
  slot_number probe_token(const token_hash& hash) const {
    return by_token.find(hash_of_token(hash.bytes.data()),
                         [&](slot_number slot) { return entries[slot].hash.bytes == hash.bytes; });
  }

  slot_number find_token(const token_hash& hash) {
    return live(probe_token(hash));
  }

  /// What an answer reads and a use writes lies in three other places: their misses overlap.
  void prefetch_neighbours(slot_number slot) const {
    if (slot == no_slot || slot == newest)
      return;
    const entry& e = entries[slot];
    for (const slot_number neighbour : {e.newer, e.older})
      if (neighbour != no_slot)
        __builtin_prefetch(&entries[neighbour].newer, 1);
    if (!e.is_revoked())
      __builtin_prefetch(&accounts[e.account]);
  }

  slot_number find_session(const uuid& session_id) {
    return live(by_session.find(hash_of_session(session_id.bytes.data()),
                                [&](slot_number slot) { return entries[slot].session_id == session_id; }));
  }

  slot_number find_account(const uuid& account_id) {
    return by_account.find(hash_of_account(account_id.bytes.data()),
                           [&](slot_number slot) { return accounts[slot].account_id == account_id; });
  }

  bool is_outdated(const entry& e, instant now) const {
    return ttl.count() > 0 && now - e.loaded_at >= ttl;
  }

  session_record record_of(const entry& e) const {
    return {e.session_id, accounts[e.account].account_id, e.created_at, e.generation, e.is_guest != 0,
            expiry_of(e)};
  }

  // -- the LRU list ----------------------------------------------------------------------------------------

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

  // -- accounts --------------------------------------------------------------------------------------------

  void join_account(entry& e, slot_number slot, const uuid& account_id) {
    e.account = find_account(account_id);
    if (e.account == no_slot) {
      e.account = accounts.allocate();
      accounts[e.account].account_id = account_id;
      by_account.insert(hash_of_account(account_id.bytes.data()), e.account);
    }
    account_entry& account = accounts[e.account];
    e.chain_previous = no_slot;
    e.chain_next = account.first;
    if (account.first != no_slot)
      entries[account.first].chain_previous = slot;
    account.first = slot;
    ++account.length;
    ++active;
  }

  /// The account goes with its last entry.
  void leave_account(entry& e) {
    const slot_number slot = e.account;
    account_entry& account = accounts[slot];
    (e.chain_previous != no_slot ? entries[e.chain_previous].chain_next : account.first) = e.chain_next;
    if (e.chain_next != no_slot)
      entries[e.chain_next].chain_previous = e.chain_previous;
    e.account = no_slot;
    if (account.is_forgotten()) {
      --forgotten;
      if (account.first == no_slot)
        unlink_forgotten(slot);
      return;
    }
    --active;
    if (--account.length == 0) {
      by_account.erase(hash_of_account(account.account_id.bytes.data()), slot);
      accounts.release(slot);
    }
  }

  /// Its entries answer nothing from now on. A session that is loaded anew joins an account entry of its own.
  std::size_t forget_account(slot_number slot) {
    account_entry& account = accounts[slot];
    const std::size_t dropped = account.length;
    by_account.erase(hash_of_account(account.account_id.bytes.data()), slot);
    active -= dropped;
    forgotten += dropped;
    account.forgotten_previous = no_slot;
    account.forgotten_next() = first_forgotten;
    if (first_forgotten != no_slot)
      accounts[first_forgotten].forgotten_previous = slot;
    first_forgotten = slot;
    return dropped;
  }

  void unlink_forgotten(slot_number slot) {
    account_entry& account = accounts[slot];
    const slot_number next = account.forgotten_next();
    const slot_number previous = account.forgotten_previous;
    (previous != no_slot ? accounts[previous].forgotten_next() : first_forgotten) = next;
    if (next != no_slot)
      accounts[next].forgotten_previous = previous;
    accounts.release(slot);
  }

  // -- entries ---------------------------------------------------------------------------------------------

  slot_number insert(const token_hash& hash, const session_record& record, instant now) {
    make_room();
    const slot_number slot = entries.allocate();
    entry& e = entries[slot];
    e.hash = hash;
    e.session_id = record.session_id;
    update(e, record, now);
    join_account(e, slot, record.account_id);
    by_token.insert(hash_of_token(hash.bytes.data()), slot);
    by_session.insert(hash_of_session(record.session_id.bytes.data()), slot);
    link_newest(slot);
    ++used;
    PORTCULLIS_INVARIANT(used <= entries_max && active + forgotten <= used);
    return slot;
  }

  static void update(entry& e, const session_record& record, instant now) {
    e.created_at = record.created_at;
    e.generation = record.generation;
    e.is_guest = record.is_guest ? 1 : 0;
    e.lifetime_us = lifetime_of(record) & endless;
    e.loaded_at = now;
  }

  static std::uint64_t lifetime_of(const session_record& record) {
    if (!record.expires_at)
      return endless;
    auto lifetime = *record.expires_at - record.created_at;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(lifetime.count(), 0));
  }

  static std::optional<timestamp> expiry_of(const entry& e) {
    auto lifetime = std::chrono::microseconds{static_cast<std::int64_t>(e.lifetime_us)};
    return e.lifetime_us == endless ? std::nullopt : std::optional{e.created_at + lifetime};
  }

  /// An entry that answers nothing makes room before one that does.
  void make_room() {
    if (used < entries_max)
      return;
    if (forgotten > 0) {
      drop_forgotten();
      return;
    }
    drop(oldest);
    ++evictions;
  }

  void drop_forgotten() {
    PORTCULLIS_INVARIANT(first_forgotten != no_slot && accounts[first_forgotten].first != no_slot);
    drop(accounts[first_forgotten].first);
  }

  void drop(slot_number slot) {
    entry& e = entries[slot];
    by_token.erase(hash_of_token(e.hash.bytes.data()), slot);
    by_session.erase(hash_of_session(e.session_id.bytes.data()), slot);
    if (!e.is_revoked())
      leave_account(e);
    unlink_lru(e);
    --used;
    ++steps;
    entries.release(slot);
  }

  /// Returns whether it was active.
  bool revoke(slot_number slot) {
    entry& e = entries[slot];
    if (e.is_revoked())
      return false;
    leave_account(e); // a chain is for what can be forgotten
    return true;
  }

  // -- reclaiming ------------------------------------------------------------------------------------------

  void retire(impl& old) {
    retired = std::move(old.retired);
    retired.add(old.entries.take_memory());
    retired.add(old.accounts.take_memory());
    for (auto* table : {&old.by_token, &old.by_session, &old.by_account})
      retired.add(table->take_memory());
  }

  bool reclaim(std::size_t steps_max) {
    std::size_t done = 0;
    for (; done < steps_max && forgotten > 0; ++done)
      drop_forgotten();
    if (forgotten > 0)
      return true;
    for (; (done == 0 || done + steps_per_slice <= steps_max) && !retired.empty(); done += steps_per_slice) {
      retired.release_slice();
      steps += steps_per_slice;
    }
    return has_garbage();
  }

  bool has_garbage() const {
    return forgotten > 0 || !retired.empty();
  }

  // -- checking --------------------------------------------------------------------------------------------

  bool is_lru_list_whole() const {
    std::size_t count = 0;
    slot_number newer = no_slot;
    for (slot_number slot = newest; slot != no_slot && count <= used; slot = entries[slot].older, ++count) {
      if (entries[slot].newer != newer)
        return false;
      newer = slot;
    }
    return count == used && newer == oldest;
  }

  bool is_found_by_both_keys(slot_number slot) const {
    const entry& e = entries[slot];
    auto is_it = [slot](slot_number candidate) { return candidate == slot; };
    return by_token.find(hash_of_token(e.hash.bytes.data()), is_it) == slot
           && by_session.find(hash_of_session(e.session_id.bytes.data()), is_it) == slot;
  }

  bool is_chained(slot_number slot) const {
    const entry& e = entries[slot];
    const account_entry& account = accounts[e.account];
    const bool is_previous_right =
      e.chain_previous != no_slot ? entries[e.chain_previous].chain_next == slot : account.first == slot;
    const bool is_next_right = e.chain_next == no_slot || entries[e.chain_next].chain_previous == slot;
    auto is_it = [&](slot_number candidate) { return candidate == e.account; };
    const slot_number found = by_account.find(hash_of_account(account.account_id.bytes.data()), is_it);
    return is_previous_right && is_next_right && found == (account.is_forgotten() ? no_slot : e.account);
  }

  bool is_consistent() const {
    if (!is_lru_list_whole())
      return false;
    std::size_t live_count = 0;
    std::size_t forgotten_count = 0;
    for (slot_number slot = newest; slot != no_slot; slot = entries[slot].older) {
      const entry& e = entries[slot];
      if (!is_found_by_both_keys(slot) || (!e.is_revoked() && !is_chained(slot)))
        return false;
      forgotten_count += is_forgotten(e) ? 1 : 0;
      live_count += !e.is_revoked() && !is_forgotten(e) ? 1 : 0;
    }
    return live_count == active && forgotten_count == forgotten && used <= entries_max
           && (forgotten > 0) == (first_forgotten != no_slot);
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
  slot_number first_forgotten = no_slot; // list of forgotten accounts, the last one first
  std::size_t used = 0;                  // slots
  std::size_t active = 0;                // of them
  std::size_t forgotten = 0;             // of them, of forgotten accounts
  std::uint64_t evictions = 0;
  std::uint64_t steps = 0;
  retired_memory retired;
};

session_index::session_index(const options& opts) : impl_(std::make_unique<impl>(opts)), options_(opts) {}

session_index::~session_index() = default;

session_status session_index::find(const token_hash& hash, instant now, session_record* out) {
  const slot_number held = impl_->probe_token(hash);
  impl_->prefetch_neighbours(held);
  const slot_number slot = impl_->live(held);
  if (slot == no_slot)
    return session_status::unknown;
  const entry& e = impl_->entries[slot];
  if (impl_->is_outdated(e, now)) {
    impl_->drop(slot);
    return session_status::unknown;
  }
  impl_->touch(slot);
  if (e.is_revoked())
    return session_status::revoked;
  *out = impl_->record_of(e);
  return session_status::active;
}

session_status session_index::find_by_id(const uuid& session_id, session_record* out) {
  const slot_number slot = impl_->find_session(session_id);
  if (slot == no_slot)
    return session_status::unknown;
  const entry& e = impl_->entries[slot];
  if (e.is_revoked())
    return session_status::revoked;
  *out = impl_->record_of(e);
  return session_status::active;
}

void session_index::prefetch(const token_hash& hash) const noexcept {
  impl_->by_token.prefetch(impl_->hash_of_token(hash.bytes.data()));
}

void session_index::put(const token_hash& hash, const session_record& record, instant now) {
  const slot_number held = impl_->find_token(hash);
  if (held != no_slot && impl_->entries[held].is_revoked())
    return;
  const slot_number twin = impl_->find_session(record.session_id);
  if (held != no_slot && held == twin && impl_->record_of(impl_->entries[held]).account_id == record.account_id) {
    impl_->update(impl_->entries[held], record, now);
    impl_->touch(held);
    return;
  }
  // The token names another session now, or the session has another token (it was rotated): no entry of
  // the old pair may stay. What was dead under the old token is dead under the new one.
  const bool is_dead = twin != no_slot && impl_->entries[twin].is_revoked();
  if (held != no_slot)
    impl_->drop(held);
  if (twin != no_slot && twin != held)
    impl_->drop(twin);
  const slot_number slot = impl_->insert(hash, record, now);
  if (is_dead)
    impl_->revoke(slot);
}

bool session_index::revoke_session(const uuid& session_id) {
  const slot_number slot = impl_->find_session(session_id);
  return slot != no_slot && impl_->revoke(slot);
}

std::size_t session_index::forget_active(const uuid& account_id) {
  const slot_number account = impl_->find_account(account_id);
  return account == no_slot ? 0 : impl_->forget_account(account);
}

void session_index::clear() {
  auto fresh = std::make_unique<impl>(options_);
  fresh->evictions = impl_->evictions;
  fresh->steps = impl_->steps;
  fresh->retire(*impl_);
  impl_ = std::move(fresh);
}

bool session_index::reclaim(std::size_t steps_max) {
  return impl_->reclaim(steps_max);
}

bool session_index::has_garbage() const noexcept {
  return impl_->has_garbage();
}

std::size_t session_index::size() const noexcept {
  return impl_->used - impl_->forgotten;
}

std::size_t session_index::active_size() const noexcept {
  return impl_->active;
}

std::size_t session_index::bytes() const noexcept {
  return impl_->by_token.bytes() + impl_->by_session.bytes() + impl_->by_account.bytes() + impl_->entries.bytes()
         + impl_->accounts.bytes() + impl_->retired.bytes();
}

std::uint64_t session_index::evictions() const noexcept {
  return impl_->evictions;
}

std::uint64_t session_index::steps() const noexcept {
  return impl_->steps;
}

bool session_index::check_invariants() const {
  return impl_->is_consistent();
}

} // namespace portcullis
