#include "actors/session_cache_fixture.hpp"

#include <initializer_list>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(session_cache_tests, session_cache_fixture)

// -- memory ------------------------------------------------------------------------------------------------

CAF_TEST(a minted session is answered from memory) {
  renew_lease();
  hold(alice, alices);
  const auto answer = peek(alice);
  CAF_CHECK(answer.known == known::active);
  CAF_CHECK(answer.record == alices);
}

CAF_TEST(all look ups of one read are answered in order) {
  renew_lease();
  hold(alice, alices);
  hold(bob, bobs);
  apply(session_revoked{bobs.session_id});
  const auto peeked =
    ask<peeked_sessions>(sys, cache, peek_sessions{{{1, bob}, {2, alice}, {3, make_hash(3)}, {4, alice}}});
  consume_messages();
  CAF_REQUIRE(peeked->reply);
  const auto& answers = peeked->reply->answers;
  CAF_REQUIRE_EQUAL(answers.size(), 4u);
  const known expected[] = {known::revoked, known::active, known::must_load, known::active};
  for (std::size_t i = 0; i < 4; ++i) {
    CAF_CHECK_EQUAL(answers[i].exchange, i + 1);
    CAF_CHECK(answers[i].known == expected[i]);
  }
}

CAF_TEST(a miss is one request to the database and is remembered) {
  renew_lease();
  CAF_CHECK(peek(alice).known == known::must_load);
  const auto loaded = load(alice);
  CAF_CHECK(loaded->is_open());
  auto asked = take_load(alice);
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::active));
  CAF_CHECK(loaded->reply->record == alices);
  CAF_CHECK(peek(alice).known == known::active);
}

CAF_TEST(concurrent loads of one token share one request) {
  const auto first = load(alice);
  auto asked = take_load(alice);
  const auto second = load(alice);
  const auto third = load(alice);
  CAF_CHECK(db->empty());
  const auto other = load(bob);
  auto asked_for_bob = take_load(bob);
  answer(asked, session_status::active, alices);
  for (const auto& loaded : {first, second, third}) {
    CAF_CHECK(is(loaded, session_status::active));
    CAF_CHECK(loaded->reply->record == alices);
  }
  CAF_CHECK(other->is_open());
  answer(asked_for_bob, session_status::active, bobs);
  CAF_CHECK(is(other, session_status::active));
  CAF_CHECK(other->reply->record == bobs);
}

CAF_TEST(an unknown token is remembered) {
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::unknown);
  CAF_CHECK(is(loaded, session_status::unknown));
  CAF_CHECK(peek(alice).known == known::unknown); // final, so it needs no lease
}

CAF_TEST(a dead session is remembered) {
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::revoked, alices);
  CAF_CHECK(is(loaded, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
}

CAF_TEST(the warm up fills memory) {
  apply(warm_sessions{{{alice, alices}, {bob, bobs}}, clock.now()});
  CAF_CHECK(peek(alice).known == known::must_load); // there is no lease yet
  renew_lease();
  CAF_CHECK(peek(alice).known == known::active);
  CAF_CHECK(peek(bob).known == known::active);
}

CAF_TEST(another history empties memory) {
  renew_lease();
  hold(alice, alices);
  hold(bob, bobs);
  apply(session_revoked{bobs.session_id});
  load(make_hash(3));
  auto asked = take_load(make_hash(3));
  answer(asked, session_status::unknown);
  tell(epoch_changed{{2, 1}, "restored"});
  CAF_CHECK(peek(make_hash(3)).known == known::must_load);
  CAF_CHECK(peek(bob).known == known::must_load);
  CAF_CHECK(peek(alice).known == known::must_load);
  hold(alice, alices);
  CAF_CHECK(peek(alice).known == known::must_load); // the lease belonged to the other history
}

CAF_TEST(a load of another history is read again) {
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  clock.advance(1ms);
  tell(epoch_changed{{2, 1}, "restored", clock.now()});
  answer(asked, session_status::unknown); // there it was never minted
  CAF_CHECK(loaded->is_open());
  auto again = take_load(alice); // began when the change was known already
  answer(again, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::active));
}

// -- reads that are as new as their caller needs ---------------------------------------------------------------

CAF_TEST(who needs a later read than memory has is told only what is final) {
  renew_lease();
  hold(alice, alices);
  CAF_CHECK(peek(alice).known == known::active);
  CAF_CHECK(peek(alice, clock.now()).known == known::must_load);
  CAF_CHECK(peek(bob, clock.now()).known == known::must_load);
  apply(session_revoked{alices.session_id});
  CAF_CHECK(peek(alice, clock.now()).known == known::revoked);
  load(bob);
  auto asked = take_load(bob);
  answer(asked, session_status::unknown);
  CAF_CHECK(peek(bob, clock.now()).known == known::unknown);
}

CAF_TEST(who needs a later read does not share a load that began before) {
  renew_lease();
  const auto first = load(alice);
  auto earlier = take_load(alice);
  const auto second = load(alice, clock.now()); // the same instant might have been before
  auto later = take_load(alice);
  answer(earlier, session_status::active, alices);
  CAF_CHECK(is(first, session_status::active));
  CAF_CHECK(second->is_open());
  clock.advance(1ms);
  const auto third = load(alice, clock.now());
  auto latest = take_load(alice);
  answer(later, session_status::active, alices);
  CAF_CHECK(is(second, session_status::active));
  CAF_CHECK(third->is_open());
  answer(latest, session_status::revoked, alices);
  CAF_CHECK(is(third, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
}

CAF_TEST(a load serves all who came before it began) {
  const auto came = clock.now();
  load(alice);
  auto earlier = take_load(alice);
  clock.advance(1ms);
  const auto first = load(alice, came);
  auto asked = take_load(alice);
  const auto second = load(alice, came);
  const auto anyone = load(alice);
  CAF_CHECK(db->empty());
  answer(earlier, session_status::active, alices); // which leaves the later one where it can be joined
  const auto third = load(alice, came);
  CAF_CHECK(db->empty());
  answer(asked, session_status::revoked, alices);
  for (const auto& loaded : {first, second, third, anyone})
    CAF_CHECK(is(loaded, session_status::revoked));
}

CAF_TEST(a later read is judged like any other) {
  const auto loaded = load(alice, clock.now());
  auto asked = take_load(alice);
  apply(session_revoked{alices.session_id});
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::revoked));
  const auto late = load(bob, clock.now());
  auto asked_for_bob = take_load(bob);
  clock.advance(30s);
  answer(asked_for_bob, session_status::active, bobs);
  CAF_CHECK(late->is_open());
  auto again = take_load(bob);
  again.fail(errc::database_unavailable);
  consume_messages();
  CAF_CHECK(is_error(late, errc::database_unavailable));
}

CAF_TEST(later reads are bounded with all the others) {
  load(alice);
  auto first = take_load(alice);
  const auto second = load(alice, clock.now());
  auto asked = take_load(alice);
  CAF_CHECK(is_error(load(alice, clock.now()), errc::overloaded));
  answer(first, session_status::active, alices);
  const auto third = load(alice, clock.now());
  auto asked_again = take_load(alice);
  answer(asked, session_status::active, alices);
  answer(asked_again, session_status::active, alices);
  CAF_CHECK(is(second, session_status::active));
  CAF_CHECK(is(third, session_status::active));
}

// -- the database in trouble -----------------------------------------------------------------------------------

CAF_TEST(an error of the database reaches everybody who waits and is not remembered) {
  const auto first = load(alice);
  const auto second = load(alice);
  take_load(alice).fail(errc::database_unavailable);
  consume_messages();
  CAF_CHECK(is_error(first, errc::database_unavailable));
  CAF_CHECK(is_error(second, errc::database_unavailable));
  const auto third = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(third, session_status::active));
}

CAF_TEST(a silent database blocks nobody else) {
  renew_lease();
  hold(bob, bobs);
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  CAF_CHECK(peek(bob).known == known::active);
  clock.advance(10s);
  consume_messages();
  CAF_CHECK(loaded->is_open());
  answer(asked, session_status::active, alices); // late, but not too late
  CAF_CHECK(is(loaded, session_status::active));
}

CAF_TEST(loads are bounded) {
  const auto first = load(alice);
  const auto second = load(bob);
  const auto third = load(make_hash(3));
  CAF_CHECK(is_error(third, errc::overloaded));
  const auto joined = load(alice); // costs no load of its own
  CAF_CHECK(joined->is_open());
  auto asked = take_load(alice);
  auto asked_for_bob = take_load(bob);
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(joined, session_status::active));
  const auto fourth = load(make_hash(3));
  auto asked_again = take_load(make_hash(3));
  answer(asked_again, session_status::unknown);
  answer(asked_for_bob, session_status::unknown);
  CAF_CHECK(is(fourth, session_status::unknown));
}

// -- an edge's memory: bounded, aging, least recently used first out
// ----------------------------------------------

CAF_TEST(an entry that was loaded too long ago is loaded again) {
  auto options = default_options();
  options.memory.index.entry_ttl = 10min;
  start_cache(options);
  hold(alice, alices);
  clock.advance(10min - 1ns);
  renew_lease();
  CAF_CHECK(peek(alice).known == known::active); // which does not make it younger
  clock.advance(1ns);
  CAF_CHECK(peek(alice).known == known::must_load);
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::active, alices);
  CAF_CHECK(is(loaded, session_status::active));
  CAF_CHECK(peek(alice).known == known::active);
}

CAF_TEST(at the bound the least recently used session goes) {
  auto options = default_options();
  options.memory.index.entries_max = 2;
  start_cache(options);
  renew_lease();
  hold(alice, alices);
  hold(bob, bobs);
  CAF_CHECK(peek(alice).known == known::active); // bob's is the older now
  hold(make_hash(3), make_record(13, 103));
  CAF_CHECK(peek(bob).known == known::must_load);
  CAF_CHECK(peek(alice).known == known::active);
  CAF_CHECK(peek(make_hash(3)).known == known::active);
}

CAF_TEST(a batch of 256 tokens is 256 requests to the pool at once and no token waits for another) {
  auto options = default_options();
  options.loads_max = 256;
  start_cache(options);
  std::vector<std::shared_ptr<outcome<resolution>>> loaded;
  for (std::uint32_t n = 0; n < 256; ++n)
    loaded.push_back(ask<resolution>(sys, cache, load_session{make_hash(1'000 + n), clock.now() - 1ns}));
  consume_messages();
  CAF_CHECK_EQUAL(db->size(), 256u); // all there before the first is answered: the pool makes batches of them
  CAF_CHECK(is_error(load(alice), errc::overloaded));
  for (std::uint32_t n = 0; n < 256; ++n) {
    auto asked = take_load(make_hash(1'000 + n));
    answer(asked, session_status::active, make_record(n, n));
  }
  for (const auto& one : loaded)
    CAF_CHECK(is(one, session_status::active));
}

// -- what ends many sessions at once
// ------------------------------------------------------------------------------

CAF_TEST(an ended account answers nothing at once and is taken apart in turns) {
  auto options = default_options();
  options.reclaim_steps_max = 2;
  start_cache(options);
  renew_lease();
  for (std::uint32_t n = 1; n <= 5; ++n)
    hold(make_hash(n), make_record(10 + n, 101));
  hold(make_hash(6), make_record(16, 102));
  CAF_CHECK(!sched.has_pending_timeout());
  apply(account_revoked{make_uuid(101)});
  apply(account_revoked{make_uuid(101)}); // does not plan a second turn
  int turns = 0;
  while (sched.has_pending_timeout() && turns < 10) {
    CAF_CHECK(peek(make_hash(6)).known == known::active); // served between the turns
    sched.trigger_timeout();
    consume_messages();
    ++turns;
  }
  CAF_CHECK_EQUAL(turns, 3);
  for (std::uint32_t n = 1; n <= 5; ++n)
    CAF_CHECK(peek(make_hash(n)).known == known::must_load);
}

CAF_TEST(of an account that ended nothing is answered before its first turn of clean up) {
  renew_lease();
  for (std::uint32_t n = 1; n <= 5; ++n)
    hold(make_hash(n), make_record(10 + n, 101));
  apply(account_revoked{make_uuid(101)});
  for (std::uint32_t n = 1; n <= 5; ++n)
    CAF_CHECK(peek(make_hash(n)).known == known::must_load);
  CAF_CHECK(sched.has_pending_timeout());
}

CAF_TEST(another epoch empties memory at once and its memory is given back in turns) {
  renew_lease();
  hold(alice, alices);
  tell(epoch_changed{{2, 1}, "restored", clock.now()});
  CAF_CHECK(sched.has_pending_timeout());
  renew_lease();
  CAF_CHECK(peek(alice).known == known::must_load);
  hold(bob, bobs);
  int turns = 0;
  for (; sched.has_pending_timeout() && turns < 1'000; ++turns) {
    sched.trigger_timeout();
    consume_messages();
  }
  CAF_CHECK(turns > 1);
  CAF_CHECK(turns < 1'000);
  CAF_CHECK(peek(bob).known == known::active);
  CAF_CHECK(peek(alice).known == known::must_load);
}

// -- numbers ---------------------------------------------------------------------------------------------------

CAF_TEST(the numbers tell what happened) {
  const auto numbers = [&] {
    const auto told = ask<cache_stats>(sys, cache, read_cache_stats{});
    consume_messages();
    CAF_REQUIRE(told->reply);
    return *told->reply;
  };
  CAF_CHECK(numbers().lease_age_s < 0);
  hold(alice, alices);
  peek(alice); // read through
  renew_lease();
  clock.advance(2s);
  peek(alice); // hit
  peek(bob);   // miss
  load(bob);
  auto asked = take_load(bob);
  CAF_CHECK_EQUAL(numbers().loads_in_flight, 1u);
  apply(session_revoked{bobs.session_id});
  answer(asked, session_status::active, bobs);
  const auto n = numbers();
  CAF_CHECK_EQUAL(n.entries, 2u);
  CAF_CHECK_EQUAL(n.active, 1u);
  CAF_CHECK_EQUAL(n.loads_in_flight, 0u);
  CAF_CHECK_EQUAL(n.hits, 1u);
  CAF_CHECK_EQUAL(n.misses, 1u);
  CAF_CHECK_EQUAL(n.read_throughs, 1u);
  CAF_CHECK_EQUAL(n.loads_dropped, 1u);
  CAF_CHECK_EQUAL(n.lease_age_s, 2.0);
  tell(log_progress{instant::min(), {1, 2}, {}}); // a page that is not the last
  CAF_CHECK_EQUAL(numbers().lease_age_s, 2.0);
  clock.advance(40s); // past the bound it goes on
  CAF_CHECK_EQUAL(numbers().lease_age_s, 42.0);
  tell(epoch_changed{{2, 1}, "restored", clock.now()});
  CAF_CHECK(numbers().lease_age_s < 0); // nothing of the new history has been read
}

CAF_TEST_FIXTURE_SCOPE_END()
