#include "core/recent_revocations.hpp"

#include <algorithm>

namespace portcullis {

recent_revocations::recent_revocations(std::size_t entries_max) : entries_max_(entries_max) {
  // Neither table ever grows while requests wait.
  sessions_.reserve(entries_max + 1);
  accounts_.reserve(entries_max + 1);
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

recent_revocations::finding recent_revocations::judge(const session_record& record, instant began) const {
  if (const auto s = sessions_.find(record.session_id); s != sessions_.end() && s->second >= began)
    return finding::revoked;
  // One of its sessions may have been spared, and the read tells nothing of that: only another read can.
  if (const auto a = accounts_.find(record.account_id); a != accounts_.end() && a->second >= began)
    return finding::unsure;
  return began <= floor_ ? finding::unsure : finding::clean;
}

std::size_t recent_revocations::size() const noexcept {
  return order_.size();
}

bool recent_revocations::check_invariants() const {
  auto is_marked = [this](const entry& e) {
    const auto& marks = e.is_account ? accounts_ : sessions_;
    const auto mark = marks.find(e.id);
    return mark != marks.end() ? mark->second >= e.at : e.at <= floor_; // two marks of one instant go together
  };
  auto is_older = [](const entry& a, const entry& b) { return a.at < b.at; };
  return order_.size() <= entries_max_ && sessions_.size() + accounts_.size() <= order_.size()
         && std::is_sorted(order_.begin(), order_.end(), is_older)
         && std::all_of(order_.begin(), order_.end(), is_marked);
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
