#pragma once

#include "actors/fixture.hpp"

#include "actors/session_cache.hpp"

#include <memory>

namespace portcullis::test {

using known = peeked_sessions::knowledge;

/// The cache in front of a database that answers when the test says so.
struct session_cache_fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  hand_clock clock;
  probe_ptr db = std::make_shared<probe>();
  session_cache_actor cache;

  const token_hash alice = make_hash(1);
  const token_hash bob = make_hash(2);
  const session_record alices = make_record(11, 101);
  const session_record bobs = make_record(12, 102);

  session_cache_fixture() {
    start_cache(default_options());
  }

  session_cache_options default_options() const {
    session_cache_options options;
    options.memory.index.entries_max = 64;
    options.memory.unknown_entries_max = 8;
    options.memory.remembered_revocations_max = 2;
    options.memory.staleness_max = std::chrono::seconds{30};
    options.loads_max = 2;
    options.load_attempts_max = 3;
    options.now = clock.reader();
    return options;
  }

  /// Takes the place of the one before.
  void start_cache(const session_cache_options& options) {
    if (cache)
      anon_send_exit(cache, caf::exit_reason::kill);
    cache = sys.spawn(session_cache, options, session_loader_actor{spawn_fake<db_pool_actor>(sys, db)});
    consume_messages();
  }

  /// A test that leaves a request of the cache's untaken did not expect it.
  ~session_cache_fixture() override {
    CAF_CHECK(db->empty());
    db->clear();
    anon_send_exit(cache, caf::exit_reason::kill);
    consume_messages();
  }

  template <class Message>
  void tell(const Message& news) {
    caf::anon_send(cache, news);
    consume_messages();
  }

  template <class Message>
  void apply(const Message& news) {
    const auto done = ask<applied>(sys, cache, news);
    consume_messages();
    CAF_CHECK(done->reply);
  }

  peeked_sessions::answer peek(const token_hash& hash, instant read_after = instant::min()) {
    const auto peeked = ask<peeked_sessions>(sys, cache, peek_sessions{{{7, hash, read_after}}});
    consume_messages();
    CAF_REQUIRE(peeked->reply);
    CAF_REQUIRE_EQUAL(peeked->reply->answers.size(), 1u);
    CAF_CHECK_EQUAL(peeked->reply->answers[0].exchange, 7u);
    CAF_CHECK(peeked->reply->answers[0].hash == hash);
    CAF_CHECK(peeked->reply->answers[0].read_after == read_after);
    return peeked->reply->answers[0];
  }

  std::shared_ptr<outcome<resolution>> load(const token_hash& hash, instant read_after = instant::min()) {
    auto result = ask<resolution>(sys, cache, load_session{hash, read_after});
    consume_messages();
    return result;
  }

  question<store::find_session> take_load(const token_hash& of) {
    auto asked = db->take<store::find_session>();
    CAF_CHECK(asked.message.hash == of);
    return asked;
  }

  void answer(question<store::find_session>& asked, session_status status, const session_record& record = {}) {
    asked.answer({status, record});
    consume_messages();
  }

  /// Loads that are run again are answered with what the database holds by now.
  void answer_again(const token_hash& of, session_status status, const session_record& record) {
    while (db->next_is<store::find_session>()) {
      auto again = take_load(of);
      answer(again, status, record);
    }
  }

  void renew_lease() {
    tell(log_progress{clock.now(), {1, 1}, {}});
  }

  void hold(const token_hash& hash, const session_record& record) {
    apply(session_minted{hash, record, clock.now()});
  }

  static revocation_event session_event(const session_record& of) {
    revocation_event event;
    event.seq = 2;
    event.session_id = of.session_id;
    event.account_id = of.account_id;
    return event;
  }

  static revocation_event account_event(const session_record& of, std::int32_t generation) {
    auto event = session_event(of);
    event.kind = revocation_kind::account;
    event.session_id = {};
    event.generation = generation;
    return event;
  }

  /// Revocations of others, as many as are remembered: older ones are forgotten.
  void revoke_others() {
    clock.advance(std::chrono::milliseconds{1});
    apply(session_revoked{make_uuid(900)});
    apply(session_revoked{make_uuid(901)});
    apply(session_revoked{make_uuid(902)});
    clock.advance(std::chrono::milliseconds{1});
  }
};

inline bool is(const std::shared_ptr<outcome<resolution>>& loaded, session_status status) {
  return loaded->reply && loaded->reply->status == status;
}

inline bool is_error(const std::shared_ptr<outcome<resolution>>& loaded, errc code) {
  return !loaded->reply && loaded->error.code == code;
}

} // namespace portcullis::test
