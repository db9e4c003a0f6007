#pragma once

#include "core/model.hpp"
#include "core/recent_revocations.hpp"
#include "core/session_index.hpp"
#include "core/time.hpp"
#include "core/told_clock.hpp"
#include "core/unknown_tokens.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace portcullis {

/// What a replica may answer from memory, and until when. Puts together the session index, the tokens that
/// are known not to exist, the memory of recent revocations (rule 4) and the lease on all of it (rule 3).
/// Pure: time is an argument. Not thread-safe.
class session_memory {
public:
  struct options {
    session_index::options index;
    std::size_t unknown_entries_max = 65'536;
    std::size_t remembered_revocations_max = 65'536;
    std::chrono::nanoseconds staleness_max = std::chrono::seconds{30};
  };

  enum class knowledge : std::uint8_t {
    active,
    revoked,   // final, so it needs no lease
    expired,   // final as well
    unknown,   // never minted: final as well
    must_load, // not held, or held without a lease: only the database can tell
  };

  /// What a load that has come back is worth.
  enum class admission : std::uint8_t {
    active,  // admitted; it may be answered
    revoked, // dead, perhaps since the load began
    expired, // it has reached its age
    unknown, // no such token
    retry,   // overtaken by too much to tell, or older than the staleness bound: load again
  };

  struct counters {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t read_throughs = 0;
    std::uint64_t loads_dropped = 0;
  };

  explicit session_memory(const options& opts);

  /// Answers from memory, and counts. `*out` is set for `active`.
  knowledge peek(const token_hash& hash, instant now, session_record* out);

  /// The same for a caller to whom memory may be too old whatever its lease: what is final, or `must_load`.
  knowledge peek_final(const token_hash& hash, instant now);

  /// What is known of a session by its id. Counts nothing.
  knowledge recall_by_id(const uuid& session_id, instant now, session_record* out);

  /// Takes in what a load that began at `began` says of `hash`.
  admission admit(const token_hash& hash, session_status status, const session_record& record, instant began,
                  instant now);

  /// Takes in a committed mint or a warm-up entry, whose transaction began after `began`, unless it was revoked
  /// meanwhile.
  void admit_minted(const token_hash& hash, const session_record& record, instant began, instant now);

  void revoke_session(const uuid& session_id, instant now);

  /// Something happened to all of the account's sessions: they ended but for one perhaps, or are no guest's any
  /// more. Memory forgets them, and the next look-up of each asks the database.
  void forget_account(const uuid& account_id, instant now);
  void apply(const revocation_event& event, instant now);

  /// What the clock showed by which sessions age. Until it has told something, those that expire are not answered
  /// from memory.
  void tell_time(const clock_reading& reading) noexcept;

  /// A read of the log that began at `read_began` succeeded and all its events were applied.
  void renew_lease(instant read_began);

  /// Forgets everything: the log is followed from another position, which was known at `noticed`. What reads say
  /// that began before is not believed, be it life or death. What was revoked here is remembered on: a read that
  /// began since may have missed it.
  void reset(instant noticed);

  /// Brings what `peek` reads first nearer, for a caller that will look several up.
  void prefetch(const token_hash& hash) const noexcept;

  /// Takes apart what ended accounts and epochs left, in at most `steps_max` steps (see session_index); what is
  /// left answers nothing. Returns whether there is more.
  bool reclaim(std::size_t steps_max);

  bool has_garbage() const noexcept;

  bool has_lease(instant now) const noexcept;

  /// Whether the lease lasts or ended less than `grace` ago.
  bool had_lease(instant now, std::chrono::nanoseconds grace) const noexcept;

  /// Whether memory holds the session as live, with or without a lease. `*out` is set if so.
  bool recall(const token_hash& hash, instant now, session_record* out);

  /// When the last successful read of the log began; `instant::min()` if there was none.
  instant lease_began() const noexcept;

  const counters& count() const noexcept;
  const session_index& index() const noexcept;
  std::size_t unknown_size() const noexcept;

private:
  enum class age : std::uint8_t { young, over, unclear };
  age age_of(const session_record& record, instant now) const noexcept;
  knowledge peek_living(const session_record& record, instant now);
  void put_expired(const token_hash& hash, const session_record& record, instant now);
  bool is_recent(instant began, instant now) const noexcept;
  recent_revocations::finding judge(const session_record& record, instant began) const;

  session_index index_;
  unknown_tokens unknown_;
  recent_revocations revoked_lately_;
  std::chrono::nanoseconds staleness_max_;
  told_clock clock_;
  instant lease_began_ = instant::min();
  instant followed_since_ = instant::min(); // events tell of all that reads lack which began at or after it
  counters count_;
};

} // namespace portcullis
