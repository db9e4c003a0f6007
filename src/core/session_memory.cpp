#include "core/session_memory.hpp"

#include "core/failpoint.hpp"

#include <algorithm>

namespace portcullis {

session_memory::session_memory(const options& opts)
  : index_(opts.index), unknown_(opts.unknown_entries_max, opts.index.seed),
    revoked_lately_(opts.remembered_revocations_max), staleness_max_(opts.staleness_max) {}

session_memory::knowledge session_memory::peek(const token_hash& hash, instant now, session_record* out) {
  switch (index_.find(hash, now, out)) {
  case session_status::revoked:
    ++count_.hits;
    return knowledge::revoked;
  case session_status::active:
  case session_status::expired:
    return peek_living(*out, now);
  case session_status::unknown:
    break;
  }
  if (unknown_.contains(hash)) {
    ++count_.hits;
    return knowledge::unknown;
  }
  ++count_.misses;
  return knowledge::must_load;
}

/// Of a session that has not been revoked, as far as memory knows.
session_memory::knowledge session_memory::peek_living(const session_record& record, instant now) {
  const auto grown = age_of(record, now);
  if (grown == age::over) {
    ++count_.hits;
    return knowledge::expired;
  }
  if (grown == age::young && has_lease(now)) {
    ++count_.hits;
    return knowledge::active;
  }
  ++count_.read_throughs;
  return knowledge::must_load;
}

session_memory::knowledge session_memory::recall_by_id(const uuid& session_id, instant now, session_record* out) {
  switch (index_.find_by_id(session_id, out)) {
  case session_status::revoked:
    return knowledge::revoked;
  case session_status::active:
  case session_status::expired:
    break;
  case session_status::unknown:
    return knowledge::must_load;
  }
  const auto grown = age_of(*out, now);
  if (grown == age::over)
    return knowledge::expired;
  return grown == age::young && has_lease(now) ? knowledge::active : knowledge::must_load;
}

session_memory::age session_memory::age_of(const session_record& record, instant now) const noexcept {
  if (!record.expires_at)
    return age::young;
  const auto time = clock_.at(now);
  if (!time)
    return age::unclear;
  return is_expired(record, *time) ? age::over : age::young;
}

session_memory::knowledge session_memory::peek_final(const token_hash& hash, instant now) {
  session_record held;
  const auto status = index_.find(hash, now, &held);
  if (status == session_status::active && age_of(held, now) == age::over) {
    ++count_.hits;
    return knowledge::expired;
  }
  if (status == session_status::active) {
    ++count_.read_throughs;
    return knowledge::must_load;
  }
  if (status == session_status::unknown && !unknown_.contains(hash)) {
    ++count_.misses;
    return knowledge::must_load;
  }
  ++count_.hits;
  return status == session_status::revoked ? knowledge::revoked : knowledge::unknown;
}

session_memory::admission session_memory::admit(const token_hash& hash, session_status status,
                                                const session_record& record, instant began, instant now) {
  if (began < followed_since_) {
    ++count_.loads_dropped;
    return admission::retry;
  }
  switch (status) {
  case session_status::unknown:
    unknown_.put(hash);
    return admission::unknown;
  case session_status::revoked:
    index_.put(hash, record, now);
    index_.revoke_session(record.session_id);
    return admission::revoked;
  case session_status::expired:
    put_expired(hash, record, now);
    return admission::expired;
  case session_status::active:
    break;
  }
  switch (judge(record, began)) {
  case recent_revocations::finding::revoked:
    ++count_.loads_dropped;
    index_.put(hash, record, now);
    index_.revoke_session(record.session_id);
    return admission::revoked;
  case recent_revocations::finding::unsure:
    ++count_.loads_dropped;
    return admission::retry;
  case recent_revocations::finding::clean:
    break;
  }
  index_.put(hash, record, now);
  if (age_of(record, now) == age::over)
    return admission::expired;
  // An answer that lay in a socket buffer while the process was stopped is as stale as one from memory.
  return is_recent(began, now) ? admission::active : admission::retry;
}

/// Its expiry is put at its creation, so that it stays expired here even if the clock is set back.
void session_memory::put_expired(const token_hash& hash, const session_record& record, instant now) {
  auto ended = record;
  ended.expires_at = record.created_at;
  index_.put(hash, ended, now);
}

void session_memory::admit_minted(const token_hash& hash, const session_record& record, instant began,
                                  instant now) {
  if (began >= followed_since_ && judge(record, began) == recent_revocations::finding::clean)
    index_.put(hash, record, now);
}

void session_memory::revoke_session(const uuid& session_id, instant now) {
  index_.revoke_session(session_id);
  revoked_lately_.remember_session(session_id, now);
}

void session_memory::forget_account(const uuid& account_id, instant now) {
  index_.forget_active(account_id);
  revoked_lately_.remember_account(account_id, now);
}

void session_memory::apply(const revocation_event& event, instant now) {
  switch (event.kind) {
  case revocation_kind::session:
    revoke_session(event.session_id, now);
    break;
  case revocation_kind::account:
    forget_account(event.account_id, now);
    break;
  }
}

void session_memory::tell_time(const clock_reading& reading) noexcept {
  clock_.tell(reading);
}

void session_memory::renew_lease(instant read_began) {
  if (read_began > lease_began_)
    lease_began_ = read_began;
}

void session_memory::reset(instant noticed) {
  index_.clear();
  unknown_.clear();
  followed_since_ = std::max(followed_since_, noticed);
  lease_began_ = instant::min();
  clock_.forget(); // it may be another machine's
}

void session_memory::prefetch(const token_hash& hash) const noexcept {
  index_.prefetch(hash);
}

bool session_memory::reclaim(std::size_t steps_max) {
  if (index_.has_garbage())
    index_.reclaim(steps_max);
  else
    unknown_.reclaim(std::max<std::size_t>(steps_max / session_index::steps_per_slice, 1));
  return has_garbage();
}

bool session_memory::has_garbage() const noexcept {
  return index_.has_garbage() || unknown_.has_garbage();
}

bool session_memory::has_lease(instant now) const noexcept {
  return lease_began_ != instant::min() && is_recent(lease_began_, now);
}

bool session_memory::had_lease(instant now, std::chrono::nanoseconds grace) const noexcept {
  return lease_began_ != instant::min() && now - lease_began_ < staleness_max_ + grace;
}

bool session_memory::recall(const token_hash& hash, instant now, session_record* out) {
  return index_.find(hash, now, out) == session_status::active && age_of(*out, now) == age::young;
}

bool session_memory::is_recent(instant began, instant now) const noexcept {
  return fails(failpoint::lease) || now - began < staleness_max_;
}

recent_revocations::finding session_memory::judge(const session_record& record, instant began) const {
  if (fails(failpoint::load_stamp))
    return recent_revocations::finding::clean;
  return revoked_lately_.judge(record, began);
}

instant session_memory::lease_began() const noexcept {
  return lease_began_;
}

const session_memory::counters& session_memory::count() const noexcept {
  return count_;
}

const session_index& session_memory::index() const noexcept {
  return index_;
}

std::size_t session_memory::unknown_size() const noexcept {
  return unknown_.size();
}

} // namespace portcullis
