#pragma once

#include "actors/fixture.hpp"

#include "db/db_pool.hpp"

#include <cstddef>
#include <initializer_list>
#include <utility>
#include <variant>
#include <vector>

namespace portcullis::test {

using batch_question = question<db_batch>;
using ids = std::vector<uuid>;

/// Reads in these tests are `get_session` and writes `create_guest`, each told by its id, which comes back in its
/// result.
inline ids ids_of(const db_batch& batch) {
  ids result;
  for (const auto& op : batch.operations)
    if (const auto* read = std::get_if<store::get_session>(&op))
      result.push_back(read->session_id);
    else
      result.push_back(std::get<store::create_guest>(op).account_id);
  return result;
}

inline ids make_ids(std::initializer_list<std::uint32_t> numbers) {
  ids result;
  for (const auto n : numbers)
    result.push_back(make_uuid(n));
  return result;
}

inline store::outcome outcome_of(const store::operation& op) {
  if (const auto* read = std::get_if<store::get_session>(&op)) {
    session result;
    result.session_id = read->session_id;
    return result;
  }
  account result;
  result.account_id = std::get<store::create_guest>(op).account_id;
  return result;
}

inline db_batch_result result_of(const db_batch& batch) {
  db_batch_result result;
  result.id = batch.id;
  for (const auto& op : batch.operations)
    result.outcomes.push_back(outcome_of(op));
  result.connected = true;
  return result;
}

/// Somebody holds locks that all of the batch needs.
inline db_batch_result blocked_result_of(const db_batch& batch) {
  auto result = result_of(batch);
  for (std::size_t i = 0; i < batch.operations.size(); ++i) {
    result.outcomes[i] = failure{errc::database_unavailable, "blocked"};
    result.blocked.push_back(i);
  }
  return result;
}

/// The connection broke before any outcome was known.
inline db_batch_result lost_result_of(const db_batch& batch) {
  auto result = result_of(batch);
  for (std::size_t i = 0; i < batch.operations.size(); ++i) {
    result.outcomes[i] = failure{errc::database_unavailable, "lost"};
    result.lost.push_back(i);
  }
  result.connected = false;
  return result;
}

/// The pool among workers that answer when the test says so.
struct db_pool_fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  hand_clock clock;
  probe_ptr workers = std::make_shared<probe>();
  db_pool_options options;
  db_pool_actor pool;
  std::size_t spawned = 0;

  db_pool_fixture() {
    options.workers_max = 3;
    options.workers_idle_max = 1;
    options.write_lanes = 1;
    options.queue_max = 8;
    options.batch_max = 4;
    options.operation_timeout = std::chrono::seconds{5};
    options.grow_after = std::chrono::milliseconds{20};
    options.shrink_after = std::chrono::seconds{30};
    options.away_after = std::chrono::seconds{1};
    options.backoff_min = std::chrono::milliseconds{50};
    options.backoff_max = std::chrono::milliseconds{400};
    options.check_every = std::chrono::hours{24}; // but where a test is about it
    options.attempts_max = 3;
    options.now = clock.reader();
    options.spawn_worker = [this] {
      ++spawned;
      return spawn_fake<db_worker_actor>(sys, workers);
    };
  }

  ~db_pool_fixture() override {
    workers->clear();
    if (pool)
      anon_send_exit(pool, caf::exit_reason::kill);
    consume_messages();
  }

  void start() {
    pool = sys.spawn(db_pool, options);
    consume_messages();
  }

  /// Starts the pool and lets all its first connections come up.
  void start_connected() {
    start();
    connect_all();
    CAF_REQUIRE(workers->empty());
  }

  void connect_all() {
    while (workers->next_is<db_connect>()) {
      workers->take<db_connect>().answer({true, {}, false});
      consume_messages();
    }
  }

  void refuse_connect(bool is_full = false) {
    workers->take<db_connect>().answer({false, "refused", is_full});
    consume_messages();
  }

  /// As the feed or the migrator asks when the server has no connection left.
  void claim_connection() {
    caf::anon_send(pool, yield_connection{});
    consume_messages();
  }

  void tick() {
    caf::anon_send(pool, tick_atom_v);
    consume_messages();
  }

  template <class Duration>
  void pass(Duration time) {
    clock.advance(time);
    tick();
  }

  std::shared_ptr<outcome<session>> read(std::uint32_t n) {
    auto result = ask<session>(sys, pool, store::get_session{make_uuid(n)});
    consume_messages();
    return result;
  }

  std::shared_ptr<outcome<account>> write(std::uint32_t n) {
    auto result = ask<account>(sys, pool, store::create_guest{make_uuid(n)});
    consume_messages();
    return result;
  }

  void finish(batch_question& asked) {
    finish(asked, result_of(asked.message));
  }

  void finish(batch_question& asked, db_batch_result with) {
    asked.answer(std::move(with));
    consume_messages();
  }

  /// Tells of some outcomes of a batch ahead.
  void tell(const batch_question& asked, std::vector<std::size_t> indexes) {
    db_outcomes news;
    news.id = asked.message.id;
    for (auto index : indexes)
      news.outcomes.push_back(outcome_of(asked.message.operations.at(index)));
    news.indexes = std::move(indexes);
    caf::send_as(asked.asked, pool, std::move(news));
    consume_messages();
  }

  void kill(const caf::actor& worker) {
    anon_send_exit(worker, caf::exit_reason::kill);
    consume_messages();
  }

  batch_question take_batch(const ids& expected) {
    auto asked = workers->take<db_batch>();
    CAF_CHECK(ids_of(asked.message) == expected);
    return asked;
  }

  pool_stats stats() {
    const auto told = ask<pool_stats>(sys, pool, read_pool_stats{});
    consume_messages();
    CAF_REQUIRE(told->reply);
    return *told->reply;
  }
};

inline bool is(const std::shared_ptr<outcome<session>>& got, std::uint32_t n) {
  return got->reply && got->reply->session_id == make_uuid(n);
}

inline bool is(const std::shared_ptr<outcome<account>>& got, std::uint32_t n) {
  return got->reply && got->reply->account_id == make_uuid(n);
}

template <class Reply>
bool is_error(const std::shared_ptr<outcome<Reply>>& got, errc code) {
  return !got->reply && got->error.code == code;
}

} // namespace portcullis::test
