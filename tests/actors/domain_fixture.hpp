#pragma once

#include "actors/fixture.hpp"

#include "actors/log_wakeup.hpp"
#include "actors/sources.hpp"

#include <cstdint>
#include <utility>

namespace portcullis::test {

/// Sources that repeat themselves.
struct fixed_sources {
  static inline std::uint8_t next_byte = 0;

  static timestamp wall_clock() {
    return *parse_rfc3339("2026-01-02T03:04:05.678Z");
  }

  static instant monotonic() {
    return at(77);
  }

  static void random(std::uint8_t* out, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      out[i] = next_byte++;
  }

  static sources make() {
    next_byte = 0;
    return {wall_clock, monotonic, random};
  }
};

/// A version 7 id (RFC 9562, section 5.7) of the fixed wall clock's millisecond.
inline bool is_fresh_id(const uuid& id) {
  const auto since_epoch = fixed_sources::wall_clock().time_since_epoch();
  const auto ms =
    static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 6; ++i)
    head = head << 8 | id.bytes[i];
  return head == ms && id.bytes[6] >> 4 == 7 && id.bytes[8] >> 6 == 2;
}

/// A domain actor between a database and a cache that answer when the test says so. Both have one probe, so the
/// order in which they were asked shows.
struct domain_fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  probe_ptr peers = std::make_shared<probe>();
  db_pool_actor store = spawn_fake<db_pool_actor>(sys, peers);
  session_cache_actor registry = spawn_fake<session_cache_actor>(sys, peers);
  log_wakeup_ptr wakeup = std::make_shared<log_wakeup>();

  /// A test that leaves a request untaken did not expect it.
  ~domain_fixture() override {
    CAF_CHECK(peers->empty());
    peers->clear();
  }

  /// A promise that waits for the database holds on to its actor, which would never end by itself.
  template <class Handle>
  void end(const Handle& actor) {
    anon_send_exit(actor, caf::exit_reason::kill);
    consume_messages();
  }

  template <class Reply, class Handle, class Message>
  auto ask(const Handle& whom, Message message) {
    auto result = test::ask<Reply>(sys, whom, std::move(message));
    consume_messages();
    return result;
  }

  template <class Message>
  question<Message> take() {
    return peers->take<Message>();
  }

  template <class Question, class Reply>
  void answer(Question& asked, Reply reply) {
    asked.answer(std::move(reply));
    consume_messages();
  }

  template <class Question>
  void fail(Question& asked, errc code) {
    asked.fail(code);
    consume_messages();
  }

  bool was_rung() {
    return wakeup->consume();
  }
};

} // namespace portcullis::test
