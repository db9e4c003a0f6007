#include "caf/test/unit_test.hpp"

#include "core/fixtures.hpp"
#include "core/session_memory.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

using knowledge = session_memory::knowledge;
using admission = session_memory::admission;

struct fixture {
  static session_memory::options options() {
    session_memory::options result;
    result.index.entries_max = 16;
    result.unknown_entries_max = 2;
    result.remembered_revocations_max = 2;
    result.staleness_max = 30s;
    return result;
  }

  session_memory memory{options()};
  const token_hash alice = make_hash(1);
  const session_record alices = make_record(11, 101, 3);

  knowledge peek(const token_hash& hash, instant now) {
    session_record ignored;
    return memory.peek(hash, now, &ignored);
  }

  admission admit_active(instant began, instant now) {
    return memory.admit(alice, session_status::active, alices, began, now);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(session_memory_tests, fixture)

CAF_TEST(what is not held has to be loaded) {
  memory.renew_lease(at(0));
  CAF_CHECK(peek(alice, at(0)) == knowledge::must_load);
  CAF_CHECK_EQUAL(memory.count().misses, 1u);
}

CAF_TEST(an admitted session is answered with its record) {
  memory.renew_lease(at(0));
  CAF_CHECK(admit_active(at(1), at(2)) == admission::active);
  session_record found;
  CAF_CHECK(memory.peek(alice, at(2), &found) == knowledge::active);
  CAF_CHECK(found == alices);
  CAF_CHECK_EQUAL(memory.count().hits, 1u);
}

// -- the lease (rule 3) -----------------------------------------------------------------------------------------

CAF_TEST(a lease lasts for the bound from when its read began) {
  CAF_CHECK(!memory.has_lease(at(0)));
  CAF_CHECK(memory.lease_began() == instant::min());
  memory.renew_lease(at(10));
  CAF_CHECK(memory.has_lease(at(10)));
  CAF_CHECK(memory.has_lease(at(40) - 1ns));
  CAF_CHECK(!memory.has_lease(at(40)));
  memory.renew_lease(at(5)); // an older read does not shorten it
  CAF_CHECK(memory.lease_began() == at(10));
  memory.renew_lease(instant::min());
  CAF_CHECK(memory.lease_began() == at(10));
}

CAF_TEST(without a lease only death is answered from memory) {
  memory.admit_minted(alice, alices, at(0), at(0));
  memory.admit(make_hash(2), session_status::revoked, make_record(12, 102), at(0), at(0));
  memory.admit(make_hash(3), session_status::unknown, {}, at(0), at(0));
  CAF_CHECK(peek(alice, at(1)) == knowledge::must_load);
  CAF_CHECK(peek(make_hash(2), at(1)) == knowledge::revoked);
  CAF_CHECK(peek(make_hash(3), at(1)) == knowledge::unknown);
  CAF_CHECK_EQUAL(memory.count().read_throughs, 1u);
  CAF_CHECK_EQUAL(memory.count().hits, 2u);
}

CAF_TEST(a load that took longer than the bound is no answer) {
  memory.renew_lease(at(30));
  CAF_CHECK(admit_active(at(0), at(30)) == admission::retry);
  CAF_CHECK(admit_active(at(0), at(30) - 1ns) == admission::active);
}

// -- revocations (rules 2 and 4)
// ----------------------------------------------------------------------------------

CAF_TEST(a revoked session is dead at once and stays so) {
  memory.renew_lease(at(0));
  memory.admit_minted(alice, alices, at(0), at(0));
  memory.revoke_session(alices.session_id, at(1));
  CAF_CHECK(peek(alice, at(1)) == knowledge::revoked);
  memory.admit_minted(alice, alices, at(2), at(2));
  CAF_CHECK(peek(alice, at(2)) == knowledge::revoked);
}

CAF_TEST(a load that a revocation overtook is dead) {
  memory.renew_lease(at(0));
  memory.revoke_session(alices.session_id, at(5));
  CAF_CHECK(admit_active(at(5), at(6))
            == admission::revoked); // in the same instant: nobody knows which came first
  CAF_CHECK(peek(alice, at(6)) == knowledge::revoked);
  CAF_CHECK_EQUAL(memory.count().loads_dropped, 1u);
}

CAF_TEST(a load that the end of an account overtook is not admitted) {
  memory.renew_lease(at(0));
  memory.forget_account(alices.account_id, at(5));
  CAF_CHECK(admit_active(at(5), at(6)) == admission::retry);
  CAF_CHECK(peek(alice, at(6)) == knowledge::must_load);
  CAF_CHECK_EQUAL(memory.count().loads_dropped, 1u);
  CAF_CHECK(admit_active(at(6), at(7)) == admission::active); // one that was spared, read after it
}

CAF_TEST(a load overtaken by more than is remembered has to be read again) {
  for (std::uint32_t n = 0; n < 3; ++n)
    memory.revoke_session(make_uuid(900 + n), at(5));
  CAF_CHECK(admit_active(at(5), at(6)) == admission::retry);
  CAF_CHECK(peek(alice, at(6)) == knowledge::must_load);
  CAF_CHECK_EQUAL(memory.index().size(), 0u);
  CAF_CHECK(admit_active(at(6), at(7)) == admission::active);
}

CAF_TEST(a mint that a revocation overtook is not held) {
  memory.renew_lease(at(0));
  memory.forget_account(alices.account_id, at(5));
  memory.admit_minted(alice, alices, at(4), at(6));
  CAF_CHECK(peek(alice, at(6)) == knowledge::must_load);
  memory.admit_minted(alice, alices, at(6),
                      at(7)); // began later: the database has the last word, and it said active
  CAF_CHECK(peek(alice, at(7)) == knowledge::active);
}

CAF_TEST(events of the log are applied by their kind) {
  memory.renew_lease(at(0));
  memory.admit_minted(alice, alices, at(0), at(0));
  memory.admit_minted(make_hash(2), make_record(12, 102, 0), at(0), at(0));
  memory.admit_minted(make_hash(3), make_record(13, 103, 0), at(0), at(0));
  revocation_event event;
  event.session_id = alices.session_id;
  event.account_id = alices.account_id;
  memory.apply(event, at(1));
  event = {};
  event.kind = revocation_kind::account;
  event.account_id = make_uuid(102);
  event.generation = 1;
  memory.apply(event, at(1));
  CAF_CHECK(peek(alice, at(1)) == knowledge::revoked);
  CAF_CHECK(peek(make_hash(2), at(1)) == knowledge::must_load);
  CAF_CHECK(peek(make_hash(3), at(1)) == knowledge::active);
}

// -- another history
// -----------------------------------------------------------------------------------------------

CAF_TEST(a reset forgets everything and distrusts loads on their way) {
  memory.renew_lease(at(0));
  memory.admit_minted(alice, alices, at(0), at(0));
  memory.admit(make_hash(2), session_status::unknown, {}, at(0), at(0));
  memory.admit(make_hash(3), session_status::revoked, make_record(13, 103), at(0), at(0));
  memory.reset(at(5));
  CAF_CHECK(!memory.has_lease(at(5)));
  memory.renew_lease(at(5));
  for (std::uint32_t n = 1; n <= 3; ++n)
    CAF_CHECK(peek(make_hash(n), at(5)) == knowledge::must_load);
  CAF_CHECK_EQUAL(memory.unknown_size(), 0u);
  CAF_CHECK(admit_active(at(5) - 1ns, at(6)) == admission::retry);
  CAF_CHECK(admit_active(at(6), at(6)) == admission::active);
}

CAF_TEST(what a read from before a reset says is not believed whatever it is) {
  memory.reset(at(5));
  memory.renew_lease(at(5));
  for (auto status : {session_status::active, session_status::revoked, session_status::unknown})
    CAF_CHECK(memory.admit(alice, status, alices, at(5) - 1ns, at(6)) == admission::retry);
  memory.admit_minted(alice, alices, at(5) - 1ns, at(6));
  CAF_CHECK(peek(alice, at(6)) == knowledge::must_load);
  CAF_CHECK_EQUAL(memory.count().loads_dropped, 3u);
  memory.reset(at(4)); // an older one does not bring it back
  CAF_CHECK(admit_active(at(5) - 1ns, at(6)) == admission::retry);
  CAF_CHECK(admit_active(at(5), at(6)) == admission::active);
}

CAF_TEST(a reset does not forget what was revoked while it was on its way) {
  memory.revoke_session(alices.session_id, at(7));
  memory.reset(at(5));
  memory.renew_lease(at(5));
  CAF_CHECK(admit_active(at(6), at(8)) == admission::revoked);
  CAF_CHECK(peek(alice, at(8)) == knowledge::revoked);
}

CAF_TEST(what ended is taken apart later and answers nothing meanwhile) {
  memory.renew_lease(at(0));
  for (std::uint32_t n = 1; n <= 5; ++n)
    memory.admit_minted(make_hash(n), make_record(10 + n, 101), at(0), at(0));
  CAF_CHECK(!memory.has_garbage());
  memory.forget_account(make_uuid(101), at(1));
  CAF_CHECK(memory.has_garbage());
  for (std::uint32_t n = 1; n <= 2; ++n)
    CAF_CHECK(peek(make_hash(n), at(1)) == knowledge::must_load);
  memory.admit_minted(make_hash(1), make_record(11, 101), at(2), at(2)); // minted, or spared, since
  CAF_CHECK(memory.reclaim(2));
  CAF_CHECK(!memory.reclaim(2));
  CAF_CHECK(peek(make_hash(1), at(2)) == knowledge::active);
  memory.admit(make_hash(7), session_status::unknown, {}, at(2), at(2));
  memory.reset(at(3));
  int turns = 1;
  while (memory.reclaim(1)) {
    CAF_REQUIRE(turns < 100);
    ++turns;
  }
  CAF_CHECK(turns > 1);
  CAF_CHECK(memory.index().check_invariants());
}

CAF_TEST(the memory of unknown tokens is bounded) {
  for (std::uint32_t n = 1; n <= 3; ++n)
    memory.admit(make_hash(n), session_status::unknown, {}, at(0), at(0));
  CAF_CHECK_EQUAL(memory.unknown_size(), 2u);
  CAF_CHECK(peek(make_hash(1), at(0)) == knowledge::must_load);
  CAF_CHECK(peek(make_hash(3), at(0)) == knowledge::unknown);
}

// -- lifetimes -------------------------------------------------------------------------------------------------

CAF_TEST(a session is over from the very instant of its expiry on) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  memory.renew_lease(at(0));
  memory.tell_time({aging.created_at, at(1)});
  memory.admit_minted(alice, aging, at(1), at(1));
  CAF_CHECK(peek(alice, at(6) - 1us) == knowledge::active);
  CAF_CHECK(peek(alice, at(6)) == knowledge::expired);
  CAF_CHECK(memory.peek_final(alice, at(6)) == knowledge::expired);
  session_record found;
  CAF_CHECK(memory.recall_by_id(aging.session_id, at(6), &found) == knowledge::expired);
  CAF_CHECK(memory.recall_by_id(aging.session_id, at(6) - 1us, &found) == knowledge::active);
  CAF_CHECK(found == aging);
  CAF_CHECK(!memory.recall(alice, at(6), &found));
  CAF_CHECK(memory.recall(alice, at(6) - 1us, &found));
}

CAF_TEST(age needs no lease but what was revoked is that) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  memory.tell_time({aging.created_at, at(0)});
  memory.admit_minted(alice, aging, at(0), at(0));
  CAF_CHECK(peek(alice, at(4)) == knowledge::must_load);
  CAF_CHECK(peek(alice, at(5)) == knowledge::expired);
  memory.revoke_session(aging.session_id, at(5));
  CAF_CHECK(peek(alice, at(5)) == knowledge::revoked);
}

CAF_TEST(without the clock that dated it a session that expires is not answered from memory) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  memory.renew_lease(at(0));
  CAF_CHECK(memory.admit(alice, session_status::active, aging, at(0), at(0)) == admission::active);
  CAF_CHECK(peek(alice, at(0)) == knowledge::must_load);
  memory.tell_time({aging.created_at, at(0)});
  CAF_CHECK(peek(alice, at(0)) == knowledge::active);
  memory.reset(at(0)); // the clock may be another machine's
  memory.renew_lease(at(0));
  memory.admit_minted(alice, aging, at(0), at(0));
  CAF_CHECK(peek(alice, at(0)) == knowledge::must_load);
}

CAF_TEST(what the database calls expired stays expired) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  memory.renew_lease(at(0));
  memory.tell_time({aging.created_at, at(0)}); // behind the database's, by its way here
  CAF_CHECK(memory.admit(alice, session_status::expired, aging, at(4), at(4)) == admission::expired);
  CAF_CHECK(peek(alice, at(4)) == knowledge::expired);
}

CAF_TEST(a load that says active is late when the session is over by now) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  memory.renew_lease(at(0));
  memory.tell_time({aging.created_at, at(0)});
  CAF_CHECK(memory.admit(alice, session_status::active, aging, at(4), at(5)) == admission::expired);
}

CAF_TEST_FIXTURE_SCOPE_END()
