#include "actors/session_cache_fixture.hpp"

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

struct fail_static_fixture : session_cache_fixture {
  fail_static_fixture() {
    auto options = default_options();
    options.fail_static = 60s;
    start_cache(options);
    renew_lease();
    hold(alice, alices);
  }

  /// What a caller gets when the load of `hash` ends in an error.
  std::shared_ptr<outcome<resolution>> fail_load(const token_hash& hash, errc code = errc::database_unavailable) {
    auto loaded = load(hash);
    take_load(hash).fail(code);
    consume_messages();
    return loaded;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(fail_static_tests, fail_static_fixture)

CAF_TEST(when nobody can be asked what was live goes on for as long as it may) {
  clock.advance(30s);
  CAF_CHECK(peek(alice).known == known::must_load);
  const auto first = fail_load(alice);
  CAF_CHECK(is(first, session_status::active));
  CAF_CHECK(first->reply->record.session_id == alices.session_id);
  CAF_CHECK(is_error(fail_load(bob), errc::database_unavailable)); // is not held
  clock.advance(60s - 1ns);
  CAF_CHECK(is(fail_load(alice), session_status::active));
  clock.advance(1ns);
  CAF_CHECK(is_error(fail_load(alice), errc::database_unavailable));
}

CAF_TEST(who can be asked is asked) {
  clock.advance(40s);
  CAF_CHECK(is(fail_load(alice), session_status::active));
  const auto loaded = load(alice);
  auto asked = take_load(alice);
  answer(asked, session_status::revoked, alices);
  CAF_CHECK(is(loaded, session_status::revoked));
  CAF_CHECK(peek(alice).known == known::revoked);
}

CAF_TEST(what is known to be dead does not go on) {
  hold(bob, bobs);
  apply(session_revoked{alices.session_id});
  apply(account_revoked{bobs.account_id});
  clock.advance(40s);
  CAF_CHECK(peek(alice).known == known::revoked);
  CAF_CHECK(is_error(fail_load(alice), errc::database_unavailable));
  CAF_CHECK(is_error(fail_load(bob), errc::database_unavailable));
}

CAF_TEST(another history leaves nothing that could go on) {
  tell(epoch_changed{{2, 1}, "restored", clock.now()});
  CAF_CHECK(is_error(fail_load(alice), errc::database_unavailable));
}

CAF_TEST(who needs a later read than memory has gets no old one) {
  clock.advance(40s);
  const auto later = load(alice, clock.now() - 1ns);
  const auto any = load(alice);
  take_load(alice).fail(errc::database_unavailable);
  consume_messages();
  CAF_CHECK(is_error(later, errc::database_unavailable));
  CAF_CHECK(is(any, session_status::active));
}

CAF_TEST(other errors do not make memory answer) {
  clock.advance(40s);
  for (const auto code : {errc::overloaded, errc::history_stale, errc::draining})
    CAF_CHECK(is_error(fail_load(alice, code), code));
}

CAF_TEST(without the setting nothing goes on) {
  start_cache(default_options());
  renew_lease();
  hold(alice, alices);
  clock.advance(30s);
  CAF_CHECK(is_error(fail_load(alice), errc::database_unavailable));
}

CAF_TEST_FIXTURE_SCOPE_END()
