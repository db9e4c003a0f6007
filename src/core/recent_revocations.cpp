#include "core/recent_revocations.hpp"

#include <algorithm>

namespace portcullis {

recent_revocations::recent_revocations(std::size_t entries_max) : entries_max_(entries_max) {
  // nop
}

void recent_revocations::remember_session(const uuid& session_id, instant now) {
  sessions_[session_id] = now;
  order_.push_back({session_id, false, now});
  make_room();
}

void recent_revocations::remember_account(const uuid& account_id, instant now) {
  accounts_[account_id] = now;
  order_.push_back({account_id, true, now});
  make_room();
}

recent_revocations::verdict recent_revocations::judge(const session_record& record, instant began) const {
  if (const auto s = sessions_.find(record.session_id); s != sessions_.end() && s->second >= began)
    return verdict::revoked;
  // One of its sessions may have been spared, and the read tells nothing of that: only another read can.
  if (const auto a = accounts_.find(record.account_id); a != accounts_.end() && a->second >= began)
    return verdict::unsure;
  return began <= floor_ ? verdict::unsure : verdict::clean;
}

std::size_t recent_revocations::size() const noexcept {
  return order_.size();
}

void recent_revocations::make_room() {
  while (order_.size() > entries_max_) {
    const entry oldest = order_.front();
    order_.pop_front();
    // An entry that a later mark overtook goes without loss: the later one answers for it. Its own instant tells.
    auto& marks = oldest.is_account ? accounts_ : sessions_;
    const auto mark = marks.find(oldest.id);
    if (mark == marks.end() || mark->second != oldest.at)
      continue;
    marks.erase(mark);
    floor_ = std::max(floor_, oldest.at);
  }
}

} // namespace portcullis
