#include "actors/timed_fixture.hpp"

#include "actors/canary.hpp"

using namespace portcullis;
using namespace portcullis::test;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using step = store::canary_step;

struct fixture : timed_fixture {
  canary_actor sender = make();

  canary_actor make() {
    return sys.spawn(canary, seconds{10}, canary_store_actor{store}, session_registry_actor{registry}, wakeup,
                     moving_clock::make());
  }

  fixture() {
    delayed_anon_send(sender, seconds{10}, tick_atom_v); // as the supervisor does
    sched.run();
  }

  ~fixture() override {
    end(sender);
  }

  question<step> take_step(step::stage expected) {
    auto asked = take<step>();
    CAF_CHECK(asked.message.what == expected);
    return asked;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(canary_tests, fixture)

CAF_TEST(a round mints and revokes and tells when that was acknowledged) {
  pass(milliseconds{9'999});
  CAF_CHECK(peers->empty());
  pass(milliseconds{1});
  auto minted = take_step(step::stage::mint);
  const auto id = minted.message.session_id;
  CAF_CHECK(is_fresh_id(id));
  CAF_CHECK(!(minted.message.hash == token_hash{}));
  reply(std::move(minted), step::result{});
  auto revoked = take_step(step::stage::revoke);
  CAF_CHECK_EQUAL(to_string(revoked.message.session_id), to_string(id));
  CAF_CHECK(!was_rung());
  reply(std::move(revoked), step::result{});
  CAF_CHECK(was_rung()); // committed: the log has news
  auto told = take<session_revoked>();
  CAF_CHECK_EQUAL(to_string(told.message.session_id), to_string(id));
  reply(std::move(told), applied{}); // and now it is acknowledged
  auto clock = take<store::read_clock>();
  moving_clock::elapsed += milliseconds{3};
  const auto shown = *parse_rfc3339("2026-01-02T03:04:05Z");
  reply(std::move(clock), store::read_clock::result{shown});
  auto last = take_step(step::stage::acknowledge);
  CAF_CHECK(last.message.acknowledged_at == shown - milliseconds{3}); // too early by the answer's way at most
  reply(std::move(last), step::result{});
  CAF_CHECK(was_rung());
}

CAF_TEST(a round that takes long is not joined by another) {
  pass(seconds{10});
  auto minted = take_step(step::stage::mint);
  pass(seconds{10});
  CAF_CHECK(peers->empty());
  reply(std::move(minted), step::result{});
  auto revoked = take_step(step::stage::revoke);
  fail(revoked, errc::database_unavailable);
}

CAF_TEST(the round after one that failed begins at its time) {
  pass(seconds{10});
  auto minted = take_step(step::stage::mint);
  fail(minted, errc::database_unavailable);
  CAF_CHECK(peers->empty());
  pass(seconds{10});
  auto again = take_step(step::stage::mint);
  fail(again, errc::overloaded);
  auto numbers = ask<all_numbers>(sender, read_numbers{});
  sched.run();
  double failed = 0;
  for (const auto& family : numbers->reply->snapshot.families())
    for (const auto& sample : family.samples)
      if (!sample.labels.empty() && sample.labels.front().second == "failed")
        failed = sample.value;
  CAF_CHECK_EQUAL(failed, 2.0);
}

CAF_TEST_FIXTURE_SCOPE_END()
