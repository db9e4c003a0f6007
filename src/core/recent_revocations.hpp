#pragma once

#include "core/model.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace portcullis {

/// Remembers what was revoked lately, so that a read that began before a revocation and ends after it
/// cannot put the session back (rule 4: no resurrection).
///
/// Every load and every write-through of a mint is stamped with the instant at which it began. It may enter
/// the index only if nothing happened here to its session or account at or after that instant. A revocation
/// that was applied before the read began is in the read's snapshot already, because it was committed before it
/// was applied. The memory is bounded: when an entry has to go, its instant becomes the floor, and a read
/// that began at or before the floor is told `unsure`, which means: read again. So the answer is exact
/// whatever the bound, and no assumption about how long a read can take is made.
class recent_revocations {
public:
  enum class finding : std::uint8_t {
    clean,   ///< nothing was revoked since: the record may be used
    revoked, ///< the session was revoked since
    unsure,  ///< its account's sessions ended or changed since, or it is too long ago to tell: read again
  };

  explicit recent_revocations(std::size_t entries_max);

  void remember_session(const uuid& session_id, instant now);
  void remember_account(const uuid& account_id, instant now);

  finding judge(const session_record& record, instant began) const;

  std::size_t size() const noexcept;

  /// Whether all parts agree with each other; takes time for each entry. For tests.
  bool check_invariants() const;

private:
  struct entry {
    uuid id;
    bool is_account = false;
    instant at{};
  };

  void make_room();

  std::size_t entries_max_;
  instant floor_ = instant::min();
  std::deque<entry> order_; // oldest first; may hold entries that a later mark for the same id overtook
  std::unordered_map<uuid, instant> sessions_;
  std::unordered_map<uuid, instant> accounts_;
};

} // namespace portcullis
