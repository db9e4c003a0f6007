#include "actors/session_cache_fixture.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(session_cache_rules, session_cache_fixture)

// -- rule 2: after the acknowledgement of a revocation the token is dead here --------------------------------

CAF_TEST(an acknowledged revocation is seen by the next look up) {
  renew_lease();
  hold(alice, alices);
  const auto done = ask<applied>(sys, cache, session_revoked{alices.session_id});
  const auto peeked = ask<peeked_sessions>(sys, cache, peek_sessions{{{1, alice}}});
  consume_messages();
  CAF_CHECK(done->reply);
  CAF_REQUIRE(peeked->reply);
  CAF_CHECK(peeked->reply->answers[0].known == known::revoked);
}

CAF_TEST(after the end of an account nothing of it is answered from memory) {
  renew_lease();
  hold(alice, make_record(11, 101));
  hold(bob, bobs);
  apply(account_revoked{make_uuid(101)});
  CAF_CHECK(peek(alice).known == known::must_load);
  CAF_CHECK(peek(bob).known == known::active);
}

// -- rule 3: bounded staleness -------------------------------------------------------------------------------

CAF_TEST(memory answers only while its last read of the log is recent) {
  hold(alice, alices);
  CAF_CHECK(peek(alice).known == known::must_load);
  const auto read_began = clock.now();
  clock.advance(5s); // the read itself took a while: what counts is when it began
  tell(log_progress{read_began, {1, 1}, {}});
  CAF_CHECK(peek(alice).known == known::active);
  clock.advance(25s - 1ns);
  CAF_CHECK(peek(alice).known == known::active);
  clock.advance(1ns);
  CAF_CHECK(peek(alice).known == known::must_load);
  renew_lease();
  CAF_CHECK(peek(alice).known == known::active);
}

CAF_TEST(without a lease the database is asked and its answer holds) {
  hold(alice, alices);
  CAF_CHECK(peek(alice).known == known::must_load);
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::active));
  CAF_CHECK(peek(alice).known == known::must_load);
}

CAF_TEST(a page that is not the last renews nothing) {
  renew_lease();
  hold(alice, alices);
  hold(bob, bobs);
  clock.advance(29s);
  tell(log_progress{instant::min(), {1, 2}, {session_event(bobs)}});
  CAF_CHECK(peek(bob).known == known::revoked); // applied all the same
  CAF_CHECK(peek(alice).known == known::active);
  clock.advance(1s);
  CAF_CHECK(peek(alice).known == known::must_load);
}

CAF_TEST(a read that began earlier does not shorten the lease) {
  hold(alice, alices);
  const auto earlier = clock.now();
  clock.advance(10s);
  renew_lease();
  tell(log_progress{earlier, {1, 1}, {}});
  clock.advance(25s);
  CAF_CHECK(peek(alice).known == known::active);
}

CAF_TEST(a load older than the bound is read again) {
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  clock.advance(30s);
  answer(asked, session_status::active, alices);
  CAF_CHECK(loaded->is_open());
  auto again = take_load(alice);
  clock.advance(30s - 1ns);
  answer(again, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::active));
}

CAF_TEST(a load that is always too old is an error) {
  const auto loaded = load(alice);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CAF_CHECK(loaded->is_open());
    auto asked = take_load(alice);
    clock.advance(30s);
    answer(asked, session_status::active, alices);
  }
  CAF_CHECK(is_error(loaded, errc::history_stale));
}

// -- rule 4: no resurrection -----------------------------------------------------------------------------------

CAF_TEST(a revocation during a load wins) {
  renew_lease();
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  apply(session_revoked{alices.session_id});
  const auto joined = load(alice); // after the acknowledgement, onto a read that began before it
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::revoked));
  CAF_CHECK(is(joined, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
}

CAF_TEST(an account revoked during a load wins) {
  renew_lease();
  const auto of_alice = load(alice);
  const auto of_bob = load(bob);
  auto asked_for_alice = take_load(alice);
  auto asked_for_bob = take_load(bob);
  clock.advance(1ms);
  apply(account_revoked{make_uuid(101)});
  clock.advance(1ms);
  answer(asked_for_alice, session_status::active, make_record(11, 101, 4));
  answer_again(alice, session_status::revoked, make_record(11, 101, 4));
  answer(asked_for_bob, session_status::active, make_record(12, 101, 5)); // of the new generation
  answer_again(bob, session_status::active, make_record(12, 101, 5));
  CAF_CHECK(is(of_alice, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
  CAF_CHECK(is(of_bob, session_status::active));
  CAF_CHECK(peek(bob).known == known::active);
}

CAF_TEST(a revocation by another replica during a load wins) {
  renew_lease();
  const auto of_alice = load(alice);
  const auto of_bob = load(bob);
  auto asked_for_alice = take_load(alice);
  auto asked_for_bob = take_load(bob);
  tell(log_progress{clock.now(), {1, 3}, {session_event(alices), account_event(bobs, 1)}});
  clock.advance(1ms);
  answer(asked_for_alice, session_status::active, alices);
  answer(asked_for_bob, session_status::active, bobs);
  answer_again(bob, session_status::revoked, bobs);
  CAF_CHECK(is(of_alice, session_status::revoked));
  CAF_CHECK(is(of_bob, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
  CAF_CHECK(peek(bob).known == known::revoked);
}

CAF_TEST(a load overtaken by more than is remembered is read again) {
  renew_lease();
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  apply(session_revoked{alices.session_id});
  revoke_others(); // alice's is not remembered any more
  answer(asked, session_status::active, alices);
  CAF_CHECK(loaded->is_open());
  CAF_CHECK(peek(alice).known == known::must_load);
  auto again = take_load(alice);
  answer(again, session_status::revoked, alices);
  CAF_CHECK(is(loaded, session_status::revoked));
}

CAF_TEST(a load that is always overtaken is an error) {
  const auto loaded = load(alice);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CAF_CHECK(loaded->is_open());
    auto asked = take_load(alice);
    revoke_others();
    answer(asked, session_status::active, alices);
  }
  CAF_CHECK(is_error(loaded, errc::history_stale));
}

CAF_TEST(a mint that a revocation overtook does not enter memory) {
  renew_lease();
  const auto began = clock.now();
  clock.advance(1ms);
  apply(account_revoked{alices.account_id});
  apply(session_minted{alice, alices, began});
  CAF_CHECK(peek(alice).known == known::must_load);
  apply(session_minted{bob, bobs, began}); // nobody revoked that one
  CAF_CHECK(peek(bob).known == known::active);
}

CAF_TEST(a revocation during the warm up wins) {
  renew_lease();
  const auto began = clock.now();
  clock.advance(1ms);
  apply(session_revoked{alices.session_id});
  apply(warm_sessions{{{alice, alices}, {bob, bobs}}, began});
  CAF_CHECK(peek(alice).known == known::must_load);
  CAF_CHECK(peek(bob).known == known::active);
}

CAF_TEST(a dead session stays dead whatever comes later) {
  renew_lease();
  hold(alice, alices);
  apply(session_revoked{alices.session_id});
  clock.advance(1s);
  hold(alice, alices);
  CAF_CHECK(peek(alice).known == known::revoked);
}

// -- lifetimes -----------------------------------------------------------------------------------------------

CAF_TEST(a session that has reached its age is expired in memory and in loads) {
  auto aging = alices;
  aging.expires_at = aging.created_at + 5s;
  auto news = log_progress{clock.now(), {1, 1}, {}};
  news.clock = clock_reading{aging.created_at, clock.now()};
  tell(news);
  hold(alice, aging);
  clock.advance(5s - 1us);
  CAF_CHECK(peek(alice).known == known::active);
  const auto id = ask<recalled_session>(sys, cache, recall_session{aging.session_id});
  consume_messages();
  CAF_REQUIRE(id->reply);
  CAF_CHECK(id->reply->known == known::active && id->reply->account_id == aging.account_id);
  clock.advance(1us);
  CAF_CHECK(peek(alice).known == known::expired);
  CAF_CHECK(peek(alice, clock.now()).known == known::expired); // final, so that no later read is needed
  const auto loaded = load(bob);
  auto asked = take_load(bob);
  answer(asked, session_status::expired, bobs);
  CAF_CHECK(is(loaded, session_status::expired));
  CAF_CHECK(peek(bob).known == known::expired);
}

CAF_TEST(what a mint superseded is dead before the new session lives) {
  renew_lease();
  hold(alice, alices);
  apply(session_minted{bob, bobs, clock.now(), {alices.session_id}});
  CAF_CHECK(peek(alice).known == known::revoked);
  CAF_CHECK(peek(bob).known == known::active);
}

CAF_TEST_FIXTURE_SCOPE_END()
