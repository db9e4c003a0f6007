#pragma once

#include "core/model.hpp"
#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace portcullis {

/// The in-memory session index: token hash → session, bounded, least recently used goes first.
///
/// Records live in an arena of fixed-size slots; three flat open-addressing tables of slot numbers lead to
/// them (by token hash, by session id, by account id), all sized once from the bound, so that no insert
/// ever rehashes. The active sessions of one account form a chain.
///
/// Every operation takes constant time, however much it ends: forgetting an account detaches its chain, clearing
/// detaches everything, and what was detached answers nothing from then on. `reclaim` takes it apart later, a
/// bounded part at a time.
///
/// A revoked session stays as an entry that answers `revoked` until it is evicted. Not thread-safe.
class session_index {
public:
  struct options {
    std::size_t entries_max = 1'000'000;   ///< 1 to 2^30
    std::chrono::nanoseconds entry_ttl{0}; ///< an entry loaded longer ago than this is loaded again; 0: never
    std::uint64_t seed = 0;                ///< keys the tables; random in production
  };

  explicit session_index(const options& opts);
  ~session_index();
  session_index(const session_index&) = delete;
  session_index& operator=(const session_index&) = delete;

  /// What is known of the token, and its record in `*out` when that is `active`. `unknown` means not held here (or
  /// past its TTL), never "does not exist". Marks the entry as used.
  session_status find(const token_hash& hash, instant now, session_record* out);

  /// The same by the session's id, and it marks nothing.
  session_status find_by_id(const uuid& session_id, session_record* out);

  /// Brings what `find` reads first nearer, for a caller that will look several up.
  void prefetch(const token_hash& hash) const noexcept;

  /// Inserts or replaces the active session of `hash`, evicting the least recently used entry at the
  /// bound. An entry that is already held as revoked stays as it is: death is final. A session that is held under
  /// another token was rotated: the old token's entry goes, and if it was revoked, so is the new one.
  void put(const token_hash& hash, const session_record& record, instant now);

  /// Marks one session dead. Returns whether it was held and active.
  bool revoke_session(const uuid& session_id);

  /// Drops every active entry of the account, so that the next look-up loads anew; returns how many.
  std::size_t forget_active(const uuid& account_id);

  void clear();

  /// Takes apart what `forget_active` and `clear` left, in at most `steps_max` steps: one for each entry,
  /// `steps_per_slice` for each slice of memory that is given back, of which the first always goes. Returns
  /// whether there is more.
  bool reclaim(std::size_t steps_max);

  static constexpr std::size_t steps_per_slice =
    256; // of 2 MiB: the kernel takes about as long as for 256 entries

  bool has_garbage() const noexcept;

  std::size_t size() const noexcept;        ///< entries, the revoked ones included
  std::size_t active_size() const noexcept; ///< entries that answer `active` (TTL not considered)
  std::size_t bytes() const noexcept;       ///< tables whole, arenas as far as ever used, unreclaimed ones too
  std::uint64_t evictions() const noexcept; ///< entries dropped at the bound since the start
  std::uint64_t steps() const noexcept;     ///< entries dropped and slices given back since the start, in steps

  /// Whether all parts agree with each other; takes time for each entry. For tests.
  bool check_invariants() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
  options options_;
};

} // namespace portcullis
