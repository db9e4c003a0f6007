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
    if (has_lease(now)) {
      ++count_.hits;
      return knowledge::active;
    }
    ++count_.read_throughs;
    return knowledge::must_load;
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

session_memory::knowledge session_memory::peek_final(const token_hash& hash, instant now) {
  session_record ignored;
  const auto status = index_.find(hash, now, &ignored);
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
  // An answer that lay in a socket buffer while the process was stopped is as stale as one from memory.
  return is_recent(began, now) ? admission::active : admission::retry;
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

void session_memory::renew_lease(instant read_began) {
  if (read_began > lease_began_)
    lease_began_ = read_began;
}

void session_memory::reset(instant noticed) {
  index_.clear();
  unknown_.clear();
  followed_since_ = std::max(followed_since_, noticed);
  lease_began_ = instant::min();
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
  return index_.find(hash, now, out) == session_status::active;
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
