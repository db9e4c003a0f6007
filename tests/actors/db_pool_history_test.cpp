#include "actors/db_pool_fixture.hpp"

#include <map>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

/// Drives the pool through a random history, with workers that answer late, in part, never, or die.
struct random_history : db_pool_fixture {
  std::uint64_t seed = random_seed();
  dice roll{seed};
  std::vector<std::shared_ptr<outcome<session>>> reads;
  std::vector<std::shared_ptr<outcome<account>>> writes;
  std::vector<batch_question> batches;
  std::vector<question<db_connect>> connects;

  random_history() {
    options.operation_timeout = 200ms;
    options.shrink_after = 300ms;
    options.write_lanes = 2;
    start();
  }

  ~random_history() override {
    batches.clear();
    connects.clear();
  }

  template <class T>
  T draw(std::vector<T>& from) {
    const auto i = from.begin() + static_cast<std::ptrdiff_t>(roll.below(static_cast<std::uint32_t>(from.size())));
    auto result = std::move(*i);
    from.erase(i);
    return result;
  }

  void collect() {
    while (!workers->empty())
      if (workers->next_is<db_batch>())
        batches.push_back(workers->take<db_batch>());
      else
        connects.push_back(workers->take<db_connect>());
  }

  void finish_one() {
    if (batches.empty())
      return;
    auto asked = draw(batches);
    auto result = result_of(asked.message);
    if (roll.percent(30)) {
      result.connected = false;
      for (std::size_t i = 0; i < asked.message.operations.size(); ++i)
        if (roll.percent(50)) {
          result.outcomes[i] = failure{errc::database_unavailable, "lost"};
          result.lost.push_back(i);
        }
    }
    finish(asked, std::move(result));
  }

  void connect_one() {
    if (connects.empty())
      return;
    draw(connects).answer({roll.percent(70), "refused"});
    consume_messages();
  }

  void kill_one() {
    if (batches.empty() || roll.percent(80))
      return;
    kill(draw(batches).asked);
  }

  void step(std::uint32_t n) {
    switch (roll.below(6)) {
    case 0:
      reads.push_back(read(n));
      break;
    case 1:
      writes.push_back(write(n));
      break;
    case 2:
      finish_one();
      break;
    case 3:
      connect_one();
      break;
    case 4:
      kill_one();
      break;
    default:
      pass(std::chrono::milliseconds{roll.below(40)});
      break;
    }
    collect();
  }

  void check_bounds() {
    const auto n = stats();
    // What is run again was taken in before: it is not turned away.
    CAF_REQUIRE(n.queued <= options.queue_max + options.workers_max * options.batch_max);
    CAF_REQUIRE(n.workers <= options.workers_max);
    CAF_REQUIRE(n.workers >= options.workers_idle_max);
    CAF_REQUIRE(n.busy <= n.workers);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(db_pool_histories, random_history)

CAF_TEST(every operation is answered with its own outcome or an error whatever happens) {
  CAF_MESSAGE("seed " << seed);
  std::map<std::uint32_t, std::size_t> read_at;
  for (std::uint32_t n = 0; n < 3000; ++n) {
    const auto reads_before = reads.size();
    const auto writes_before = writes.size();
    step(n);
    check_bounds();
    if (reads.size() > reads_before)
      read_at[n] = reads_before;
    if (writes.size() > writes_before)
      read_at[n] = 1'000'000 + writes_before;
  }
  // No worker says anything any more: the deadlines answer.
  pass(200ms);
  pass(500ms);
  std::size_t answered = 0;
  std::size_t succeeded = 0;
  for (const auto& [n, at] : read_at) {
    const bool is_read = at < 1'000'000;
    const auto open = is_read ? reads[at]->is_open() : writes[at - 1'000'000]->is_open();
    const auto ok = is_read ? is(reads[at], n) : is(writes[at - 1'000'000], n);
    const auto code = is_read ? reads[at]->error.code : writes[at - 1'000'000]->error.code;
    answered += !open;
    succeeded += ok;
    if (!ok && code != errc::database_unavailable && code != errc::overloaded)
      CAF_ERROR("operation " << n << " has the outcome of another");
  }
  CAF_CHECK_EQUAL(answered, read_at.size());
  CAF_CHECK(succeeded > 0);
  CAF_CHECK(succeeded < answered);
}

CAF_TEST_FIXTURE_SCOPE_END()
