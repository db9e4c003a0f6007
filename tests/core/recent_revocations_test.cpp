#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/recent_revocations.hpp"

#include <algorithm>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;

using finding = recent_revocations::finding;

CAF_TEST(a read that began before the revocation is dropped and one that began after is used) {
  recent_revocations memory{10};
  memory.remember_session(make_uuid(1), at(100));
  CAF_CHECK(memory.judge(make_record(1, 50), at(99)) == finding::revoked);
  CAF_CHECK(memory.judge(make_record(1, 50), at(100)) == finding::revoked);
  CAF_CHECK(memory.judge(make_record(1, 50), at(101)) == finding::clean);
  CAF_CHECK(memory.judge(make_record(2, 50), at(99)) == finding::clean);
}

CAF_TEST(after the end of an account every read of its sessions from before is unsure) {
  recent_revocations memory{10};
  memory.remember_account(make_uuid(50), at(100));
  CAF_CHECK(memory.judge(make_record(1, 50, 2), at(100)) == finding::unsure);
  CAF_CHECK(memory.judge(make_record(1, 50, 3), at(99)) == finding::unsure); // it may have been spared, or not
  CAF_CHECK(memory.judge(make_record(1, 50, 2), at(101)) == finding::clean);
  CAF_CHECK(memory.judge(make_record(1, 51, 2), at(100)) == finding::clean);
}

CAF_TEST(a session that ended by itself stays dead through the end of its account) {
  recent_revocations memory{10};
  memory.remember_session(make_uuid(1), at(100));
  memory.remember_account(make_uuid(50), at(110));
  CAF_CHECK(memory.judge(make_record(1, 50), at(100)) == finding::revoked);
  CAF_CHECK(memory.judge(make_record(1, 50), at(105)) == finding::unsure);
}

CAF_TEST(what had to go makes old reads unsure and not clean) {
  recent_revocations memory{2};
  memory.remember_session(make_uuid(1), at(100));
  memory.remember_session(make_uuid(2), at(200));
  CAF_CHECK(memory.judge(make_record(9, 50), at(50)) == finding::clean);
  memory.remember_session(make_uuid(3), at(300));
  CAF_CHECK_EQUAL(memory.size(), 2u);
  CAF_CHECK(memory.judge(make_record(1, 50), at(100)) == finding::unsure);
  CAF_CHECK(memory.judge(make_record(9, 50), at(100)) == finding::unsure);
  CAF_CHECK(memory.judge(make_record(9, 50), at(101)) == finding::clean);
  CAF_CHECK(memory.judge(make_record(2, 50), at(50)) == finding::revoked);
}

CAF_TEST(a later mark answers for one that it overtook) {
  recent_revocations memory{2};
  memory.remember_session(make_uuid(1), at(100));
  memory.remember_session(make_uuid(1), at(200));
  memory.remember_session(make_uuid(2), at(300)); // the first entry goes, and nothing with it
  CAF_CHECK(memory.judge(make_record(1, 50), at(100)) == finding::revoked);
  CAF_CHECK(memory.judge(make_record(9, 50), at(100)) == finding::clean);
  memory.remember_session(make_uuid(3), at(400)); // now the mark goes too
  CAF_CHECK(memory.judge(make_record(1, 50), at(200)) == finding::unsure);
  CAF_CHECK(memory.judge(make_record(9, 50), at(201)) == finding::clean);
}

CAF_TEST(without room every read from before is unsure) {
  recent_revocations memory{0};
  memory.remember_session(make_uuid(1), at(100));
  memory.remember_account(make_uuid(50), at(110));
  CAF_CHECK_EQUAL(memory.size(), 0u);
  CAF_CHECK(memory.judge(make_record(1, 50), at(110)) == finding::unsure);
  CAF_CHECK(memory.judge(make_record(1, 50), at(111)) == finding::clean);
}

namespace {

/// The same answers from a memory without bound.
class unbounded_memory {
public:
  struct mark {
    bool is_account;
    uuid id;
    instant at;
  };

  void remember(const mark& m) {
    marks_.push_back(m);
  }

  bool is_revoked(const session_record& record, instant began) const {
    return std::any_of(marks_.begin(), marks_.end(),
                       [&](const mark& m) { return m.at >= began && !m.is_account && m.id == record.session_id; });
  }

  bool is_touched(const session_record& record, instant began) const {
    return std::any_of(marks_.begin(), marks_.end(),
                       [&](const mark& m) { return m.is_account && m.id == record.account_id && m.at >= began; });
  }

  /// Whether a memory of the latest `entries_max` marks has all that are of `began` or later.
  bool fits(std::size_t entries_max, instant began) const {
    return marks_.size() <= entries_max || marks_[marks_.size() - entries_max - 1].at < began;
  }

private:
  std::vector<mark> marks_;
};

struct tally {
  std::size_t clean = 0;
  std::size_t revoked = 0;
  std::size_t unsure = 0;
};

/// One random history, judged after each step by both memories. Returns false at the first disagreement.
bool agree(dice& d, std::size_t entries_max, tally& count) {
  recent_revocations memory{entries_max};
  unbounded_memory reference;
  instant now = at(0);
  for (int step = 0; step < 300; ++step) {
    now += std::chrono::seconds{d.below(3)}; // two events may fall into one instant
    if (d.percent(50)) {
      const auto account = d.below(4);
      memory.remember_account(make_uuid(100 + account), now);
      reference.remember({true, make_uuid(100 + account), now});
    } else {
      const auto session = d.below(12);
      memory.remember_session(make_uuid(session), now);
      reference.remember({false, make_uuid(session), now});
    }
    if (memory.size() > entries_max || !memory.check_invariants())
      return false;
    const auto session = d.below(12);
    const auto account = session % 4;
    const auto record = make_record(session, 100 + account);
    const instant began = now - std::chrono::seconds{d.below(30)};
    const bool is_revoked = reference.is_revoked(record, began);
    switch (memory.judge(record, began)) {
    case finding::clean:
      ++count.clean;
      if (is_revoked || reference.is_touched(record, began))
        return false;
      break;
    case finding::revoked:
      ++count.revoked;
      if (!is_revoked)
        return false;
      break;
    case finding::unsure:
      ++count.unsure;
      if (reference.fits(entries_max, began) && !reference.is_touched(record, began))
        return false;
      break;
    }
  }
  return true;
}

} // namespace

CAF_TEST(a bounded memory agrees with an unbounded one or says that it is unsure) {
  const auto seed = random_seed();
  CAF_MESSAGE("seed " << seed);
  dice d{seed};
  tally count;
  std::size_t disagreements = 0;
  for (int history = 0; history < 500; ++history)
    disagreements += agree(d, d.below(40), count) ? 0 : 1;
  CAF_CHECK_EQUAL(disagreements, 0u);
  CAF_MESSAGE(count.clean << " clean, " << count.revoked << " revoked, " << count.unsure << " unsure");
  CAF_CHECK_GREATER(count.clean, 10'000u);
  CAF_CHECK_GREATER(count.revoked, 10'000u);
  CAF_CHECK_GREATER(count.unsure, 10'000u);
}
