#include "caf/test/unit_test.hpp"

#include "core/event_ring.hpp"

#include <initializer_list>

using namespace portcullis;

namespace {

constexpr std::uint64_t epoch = 7;

cursor pos(std::uint64_t seq) {
  return {epoch, seq};
}

std::vector<revocation_event> events(std::initializer_list<std::uint64_t> seqs) {
  std::vector<revocation_event> result;
  for (const auto seq : seqs) {
    result.emplace_back();
    result.back().seq = seq;
  }
  return result;
}

std::vector<std::uint64_t> seqs(const std::vector<revocation_event>& list) {
  std::vector<std::uint64_t> result;
  for (const auto& event : list)
    result.push_back(event.seq);
  return result;
}

using seq_list = std::vector<std::uint64_t>;
using reach = event_ring::reach;

event_ring make_ring(std::size_t events_max, std::uint64_t start) {
  event_ring ring{events_max};
  ring.reset(pos(start));
  return ring;
}

} // namespace

CAF_TEST(a new ring holds what follows its start) {
  const auto ring = make_ring(3, 10);
  CAF_CHECK(ring.last() == pos(10));
  CAF_CHECK(ring.find(pos(10)) == reach::held);
  CAF_CHECK(ring.find(pos(9)) == reach::too_old);
  CAF_CHECK(ring.find(pos(11)) == reach::ahead);
  CAF_CHECK(ring.after(10, 100).empty());
}

CAF_TEST(events come back in order after a position) {
  auto ring = make_ring(10, 10);
  ring.append(events({11, 12, 15}), pos(15));
  ring.append(events({16}), pos(20)); // the log has gaps
  CAF_CHECK_EQUAL(seqs(ring.after(10, 100)), (seq_list{11, 12, 15, 16}));
  CAF_CHECK_EQUAL(seqs(ring.after(12, 100)), (seq_list{15, 16}));
  CAF_CHECK_EQUAL(seqs(ring.after(13, 100)), (seq_list{15, 16}));
  CAF_CHECK_EQUAL(seqs(ring.after(16, 100)), (seq_list{}));
  CAF_CHECK_EQUAL(seqs(ring.after(10, 2)), (seq_list{11, 12}));
  CAF_CHECK_EQUAL(seqs(ring.after(10, 0)), (seq_list{}));
  CAF_CHECK(ring.last() == pos(20));
  CAF_CHECK(ring.find(pos(13)) == reach::held);
  CAF_CHECK(ring.find(pos(20)) == reach::held);
  CAF_CHECK(ring.find(pos(21)) == reach::ahead);
}

CAF_TEST(past the bound the oldest goes and is out of reach) {
  auto ring = make_ring(3, 10);
  ring.append(events({11, 12, 13}), pos(13));
  CAF_CHECK(ring.find(pos(10)) == reach::held);
  ring.append(events({20}), pos(20));
  CAF_CHECK_EQUAL(ring.size(), 3u);
  CAF_CHECK(ring.find(pos(10)) == reach::too_old);
  CAF_CHECK(ring.find(pos(11)) == reach::held); // 11 itself is gone, and all that follows it is there
  CAF_CHECK_EQUAL(seqs(ring.after(11, 100)), (seq_list{12, 13, 20}));
  CAF_CHECK(ring.check_invariants());
}

CAF_TEST(one append may be longer than the ring) {
  auto ring = make_ring(2, 0);
  ring.append(events({1, 2, 3, 4, 5}), pos(5));
  CAF_CHECK_EQUAL(ring.size(), 2u);
  CAF_CHECK(ring.find(pos(2)) == reach::too_old);
  CAF_CHECK(ring.find(pos(3)) == reach::held);
  CAF_CHECK_EQUAL(seqs(ring.after(3, 100)), (seq_list{4, 5}));
  CAF_CHECK(ring.check_invariants());
}

CAF_TEST(a ring without room holds only its end) {
  auto ring = make_ring(0, 0);
  ring.append(events({1, 2}), pos(2));
  CAF_CHECK_EQUAL(ring.size(), 0u);
  CAF_CHECK(ring.find(pos(1)) == reach::too_old);
  CAF_CHECK(ring.find(pos(2)) == reach::held);
}

CAF_TEST(what was told already is not told twice) {
  auto ring = make_ring(10, 10);
  ring.append(events({11, 12}), pos(12));
  ring.append(events({9, 12, 13}), pos(13));
  CAF_CHECK(ring.check_invariants());
  CAF_CHECK_EQUAL(seqs(ring.after(10, 100)), (seq_list{11, 12, 13}));
  ring.append(events({}), pos(12));
  CAF_CHECK(ring.last() == pos(13));
}

CAF_TEST(another epoch is another history) {
  auto ring = make_ring(10, 10);
  ring.append(events({11}), pos(11));
  CAF_CHECK(ring.find({epoch + 1, 11}) == reach::from_another_history);
  CAF_CHECK(ring.find({epoch - 1, 11}) == reach::from_another_history);
  ring.append(events({1, 2}), {epoch + 1, 2});
  CAF_CHECK(ring.check_invariants());
  CAF_CHECK(ring.last() == (cursor{epoch + 1, 2}));
  CAF_CHECK(ring.find(pos(11)) == reach::from_another_history);
  CAF_CHECK(ring.find({epoch + 1, 0}) == reach::too_old); // what that history holds before is not known
  CAF_CHECK(ring.find({epoch + 1, 2}) == reach::held);
  CAF_CHECK_EQUAL(ring.size(), 0u);
}

CAF_TEST(reset starts over) {
  auto ring = make_ring(10, 10);
  ring.append(events({11, 12}), pos(12));
  ring.reset(pos(30));
  CAF_CHECK_EQUAL(ring.size(), 0u);
  CAF_CHECK(ring.find(pos(12)) == reach::too_old);
  CAF_CHECK(ring.find(pos(30)) == reach::held);
  CAF_CHECK(ring.check_invariants());
}
