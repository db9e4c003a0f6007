#pragma once

#include "core/model.hpp"
#include "core/time.hpp"
#include "core/token.hpp"
#include "core/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace portcullis {

/// The in-memory session index: token hash → session, bounded, least recently used goes first.
///
/// Records live in an arena of fixed-size slots; three flat open-addressing tables of slot numbers lead to
/// them (by token hash, by session id, by account id), all sized once from the bound, so that no insert
/// ever rehashes on the I/O thread. Sessions of one account form a chain, so revoking one session takes
/// constant time and revoking an account the time of its sessions, however many others there are.
///
/// A revoked session stays as an entry that answers `revoked` until it is evicted. Not thread-safe.
class session_index {
public:
  struct options {
    std::size_t entries_max = 1'000'000; ///< 1 to 2^30
    std::chrono::nanoseconds ttl{0};     ///< 0: entries do not age
    std::uint64_t seed = 0;              ///< keys the tables; random in production
  };

  explicit session_index(const options& opts);
  ~session_index();
  session_index(const session_index&) = delete;
  session_index& operator=(const session_index&) = delete;

  /// What is known of the token, and its record in `*out` when that is `active` or `revoked`. `unknown`
  /// means not held here (or past its TTL), never "does not exist". Marks the entry as used.
  session_status find(const token_hash& hash, instant now, session_record* out);

  /// Inserts or replaces the active session of `hash`, evicting the least recently used entry at the
  /// bound. An entry that is already held as revoked stays as it is: death is final. A session that is held under
  /// another token was rotated: the old token's entry goes, and if it was revoked, so is the new one.
  void put(const token_hash& hash, const session_record& record, instant now);

  /// Marks one session dead. Returns whether it was held and active.
  bool revoke_session(const uuid& session_id);

  /// Drops every active entry of the account, so that the next look-up loads anew; returns how many.
  std::size_t forget_active(const uuid& account_id);

  /// Drops one token's entry, if it is held.
  bool forget(const token_hash& hash);

  void clear();

  std::size_t size() const noexcept;        ///< entries, the revoked ones included
  std::size_t active_size() const noexcept; ///< entries that answer `active` (TTL not considered)
  std::size_t bytes() const noexcept;       ///< memory held by arena and tables
  std::uint64_t evictions() const noexcept; ///< entries dropped at the bound since the start

private:
  struct impl;
  std::unique_ptr<impl> impl_;
  options options_;
};

/// A bounded set of token hashes that were looked up and do not exist. A 256-bit token that was never
/// minted never will be, so an entry is never wrong; the bound is for memory, first in goes first.
class unknown_tokens {
public:
  unknown_tokens(std::size_t entries_max, std::uint64_t seed);
  ~unknown_tokens();

  void put(const token_hash& hash);
  bool contains(const token_hash& hash) const noexcept;
  void clear();
  std::size_t size() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace portcullis
