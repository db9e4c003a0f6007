#include "core/revocation_memory.hpp"

#include <algorithm>

namespace portcullis {

revocation_memory::revocation_memory(std::size_t entries_max) : entries_max_(entries_max) {
  // nop
}

void revocation_memory::remember_session(const uuid& session_id, instant now) {
  sessions_[session_id] = now;
  order_.push_back({session_id, false, now});
  make_room();
}

void revocation_memory::remember_account(const uuid& account_id, std::int32_t generation, instant now) {
  // One event may be told twice, and an older one after a newer one (by the revoking actor, then by the log).
  // Generations only rise, so the highest one holds for the latest instant too: whatever is below it is dead.
  auto& mark = accounts_[account_id];
  mark.generation = std::max(mark.generation, generation);
  mark.at = now;
  order_.push_back({account_id, true, now});
  make_room();
}

void revocation_memory::forget_all(instant now) {
  order_.clear();
  sessions_.clear();
  accounts_.clear();
  floor_ = std::max(floor_, now);
}

revocation_memory::verdict revocation_memory::judge(const session_record& record, instant began) const {
  if (const auto s = sessions_.find(record.session_id); s != sessions_.end() && s->second >= began)
    return verdict::revoked;
  if (const auto a = accounts_.find(record.account_id);
      a != accounts_.end() && a->second.at >= began && record.generation < a->second.generation)
    return verdict::revoked;
  return began <= floor_ ? verdict::unsure : verdict::clean;
}

std::size_t revocation_memory::size() const noexcept {
  return order_.size();
}

void revocation_memory::make_room() {
  while (order_.size() > entries_max_) {
    const entry oldest = order_.front();
    order_.pop_front();
    // An entry that a later mark overtook goes without loss: the later one answers for it. Its own instant tells.
    if (oldest.is_account) {
      const auto mark = accounts_.find(oldest.id);
      if (mark == accounts_.end() || mark->second.at != oldest.at)
        continue;
      accounts_.erase(mark);
    } else {
      const auto mark = sessions_.find(oldest.id);
      if (mark == sessions_.end() || mark->second != oldest.at)
        continue;
      sessions_.erase(mark);
    }
    floor_ = std::max(floor_, oldest.at);
  }
}

} // namespace portcullis
