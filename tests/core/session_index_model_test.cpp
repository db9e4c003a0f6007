#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/session_index.hpp"

#include <algorithm>
#include <list>
#include <map>

using namespace portcullis;
using namespace portcullis::test;

namespace {

/// The session index as its header tells it, in the plainest way. Tokens are told by their number.
class naive_index {
public:
  explicit naive_index(const session_index::options& opts) : opts_(opts) {
    // nop
  }

  session_status find(std::uint32_t token, instant now, session_record* out) {
    const auto i = entries_.find(token);
    if (i == entries_.end())
      return session_status::unknown;
    if (opts_.entry_ttl.count() > 0 && now - i->second.loaded_at >= opts_.entry_ttl) {
      drop(token);
      return session_status::unknown;
    }
    touch(token);
    *out = i->second.record;
    return i->second.is_revoked ? session_status::revoked : session_status::active;
  }

  void put(std::uint32_t token, const session_record& record, instant now) {
    const auto held = entries_.find(token);
    if (held != entries_.end() && held->second.is_revoked)
      return;
    bool is_revoked = false;
    for (const auto other : tokens_if([&](const entry& e) { return e.record.session_id == record.session_id; })) {
      is_revoked = entries_[other].is_revoked;
      if (other != token)
        drop(other);
    }
    if (entries_.count(token) == 0 && entries_.size() == opts_.entries_max) {
      drop(order_.back());
      ++evictions_;
    }
    entries_[token] = {record, is_revoked, now};
    touch(token);
  }

  bool revoke_session(const uuid& session_id) {
    return revoke_if([&](const entry& e) { return e.record.session_id == session_id; }) != 0;
  }

  std::size_t forget_active(const uuid& account_id) {
    const auto tokens =
      tokens_if([&](const entry& e) { return e.record.account_id == account_id && !e.is_revoked; });
    for (const auto token : tokens)
      drop(token);
    return tokens.size();
  }

  void clear() {
    entries_.clear();
    order_.clear();
  }

  std::size_t size() const {
    return entries_.size();
  }

  std::size_t active_size() const {
    return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& kvp) { return !kvp.second.is_revoked; }));
  }

  std::uint64_t evictions() const {
    return evictions_;
  }

private:
  struct entry {
    session_record record;
    bool is_revoked = false;
    instant loaded_at{};
  };

  template <class Predicate>
  std::vector<std::uint32_t> tokens_if(Predicate predicate) const {
    std::vector<std::uint32_t> tokens;
    for (const auto& [token, e] : entries_)
      if (predicate(e))
        tokens.push_back(token);
    return tokens;
  }

  template <class Predicate>
  std::size_t revoke_if(Predicate predicate) {
    std::size_t count = 0;
    for (auto& [token, e] : entries_) {
      if (!e.is_revoked && predicate(e)) {
        e.is_revoked = true;
        ++count;
      }
    }
    return count;
  }

  void touch(std::uint32_t token) {
    order_.remove(token);
    order_.push_front(token);
  }

  void drop(std::uint32_t token) {
    order_.remove(token);
    entries_.erase(token);
  }

  session_index::options opts_;
  std::map<std::uint32_t, entry> entries_;
  std::list<std::uint32_t> order_; // the latest used first
  std::uint64_t evictions_ = 0;
};

/// The same random operation on both, step by step.
class differential_run {
public:
  differential_run(const session_index::options& opts, std::uint64_t seed)
    : index_(opts), naive_(opts), dice_(seed) {
    // nop
  }

  /// Returns false if the two answer differently.
  bool step() {
    now_ += std::chrono::milliseconds{dice_.below(200)};
    const auto pick = dice_.below(1'000);
    const bool is_same_answer = pick < 400   ? find()
                                : pick < 750 ? put()
                                : pick < 850 ? revoke_session()
                                : pick < 980 ? forget_active()
                                : pick < 999 ? reclaim()
                                             : clear();
    return is_same_answer && index_.size() == naive_.size() && index_.active_size() == naive_.active_size()
           && index_.evictions() == naive_.evictions() && index_.check_invariants();
  }

private:
  // Sessions mostly keep their token and account, and now and then do not.
  static constexpr std::uint32_t sessions = 40;
  static constexpr std::uint32_t accounts = 6;

  bool find() {
    const auto token = dice_.below(sessions);
    session_record a;
    session_record b;
    const auto status = index_.find(make_hash(token), now_, &a);
    return status == naive_.find(token, now_, &b) && (status != session_status::active || a == b);
  }

  bool put() {
    const auto session = dice_.below(sessions);
    const auto token = dice_.percent(15) ? dice_.below(sessions) : session;
    const auto account = dice_.percent(10) ? dice_.below(accounts) : session % accounts;
    const auto record = make_record(session, 1'000 + account, static_cast<std::int32_t>(dice_.below(5)));
    index_.put(make_hash(token), record, now_);
    naive_.put(token, record, now_);
    return true;
  }

  bool revoke_session() {
    const auto id = make_uuid(dice_.below(sessions));
    return index_.revoke_session(id) == naive_.revoke_session(id);
  }

  bool forget_active() {
    const auto id = make_uuid(1'000 + dice_.below(accounts));
    return index_.forget_active(id) == naive_.forget_active(id);
  }

  /// Changes nothing that can be seen.
  bool reclaim() {
    index_.reclaim(dice_.below(40));
    return true;
  }

  bool clear() {
    index_.clear();
    naive_.clear();
    return true;
  }

  session_index index_;
  naive_index naive_;
  dice dice_;
  instant now_ = at(0);
};

} // namespace

CAF_TEST(the index agrees with a naive one) {
  constexpr int steps = 60'000;
  const auto seed = random_seed();
  CAF_MESSAGE("seed " << seed);
  for (const std::size_t entries_max : {1u, 2u, 5u, 16u, 100u}) {
    for (const std::chrono::seconds ttl : {std::chrono::seconds{0}, std::chrono::seconds{5}}) {
      session_index::options opts;
      opts.entries_max = entries_max;
      opts.entry_ttl = ttl;
      opts.seed = seed;
      differential_run run{opts, seed + entries_max};
      int done = 0;
      while (done < steps && run.step())
        ++done;
      CAF_MESSAGE("at most " << entries_max << " entries, TTL " << ttl.count() << " s");
      CAF_CHECK_EQUAL(done, steps);
    }
  }
}
