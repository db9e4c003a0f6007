#include "feed/hub.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::feed;

/// Every order of what can happen to one follower, against a model.
namespace {

constexpr std::uint64_t first_epoch = 1;
constexpr std::uint64_t second_epoch = 2;

revocation_event event_at(std::uint64_t seq) {
  revocation_event result;
  result.seq = seq;
  return result;
}

std::vector<revocation_event> events_between(std::uint64_t after, std::uint64_t last) {
  std::vector<revocation_event> result;
  for (auto seq = after + 1; seq <= last; ++seq)
    result.push_back(event_at(seq));
  return result;
}

/// What a stream was sent, as a follower reads it: its `id:` lines, and which of them were resets.
struct received {
  struct block {
    cursor id;
    bool is_reset = false;
  };
  std::vector<block> blocks;
  bool is_open = true;
  bool takes_bytes = true;
  std::size_t unsent = 0;

  void read(std::string_view bytes) {
    while (!bytes.empty()) {
      auto end = bytes.find("\n\n");
      if (end == std::string_view::npos)
        CAF_FAIL("a block that does not end");
      auto text = bytes.substr(0, end);
      bytes.remove_prefix(end + 2);
      if (text.front() == ':')
        continue; // a heartbeat
      auto at = text.find("id: ") + 4;
      auto id = cursor::parse(text.substr(at, text.find('\n', at) - at));
      if (!id)
        CAF_FAIL("a block without an id");
      blocks.push_back({*id, text.find("event: reset") != std::string_view::npos});
    }
  }
};

class recorded_stream final : public http::stream {
public:
  explicit recorded_stream(received& to) : to_(to) {}

  void append(std::string_view bytes) override {
    to_.read(bytes);
    if (!to_.takes_bytes)
      to_.unsent += bytes.size();
  }
  std::size_t unsent() const override {
    return to_.unsent;
  }
  bool is_open() const override {
    return to_.is_open;
  }
  void cut() override {
    to_.is_open = false;
  }
  void close() override {
    to_.is_open = false;
  }

private:
  received& to_;
};

/// The log as the table has it: everything up to `committed`, of which the hub has been told a part.
struct world {
  instant now{std::chrono::hours{1}};
  std::uint64_t epoch = first_epoch;
  std::uint64_t told = 10;      // up to where the hub knows
  std::uint64_t committed = 10; // up to where the table goes
  struct asked {
    store::read_events what;
    std::function<void(page_result)> then;
  };
  std::deque<asked> pages;
  received got;
  hub h;

  explicit world(std::size_t ring_events_max)
    : h(
      limits(ring_events_max),
      [this](const store::read_events& what, std::function<void(page_result)> then) {
        pages.push_back({what, std::move(then)});
      },
      [this] { return now; }) {
    h.start_over({first_epoch, 10}, "the service has started");
  }

  static hub_limits limits(std::size_t ring_events_max) {
    hub_limits result;
    result.ring_events_max = ring_events_max;
    result.page_events_max = 2;
    return result;
  }

  void log(std::uint64_t count) {
    committed = std::max(committed, told + count);
    h.append(events_between(told, told + count), {epoch, told + count}, now);
    told += count;
  }

  /// Answers the oldest page that was asked for as the table would now.
  void page() {
    if (pages.empty())
      return;
    auto one = std::move(pages.front());
    pages.pop_front();
    store::read_events::result result;
    if (one.what.after.epoch != epoch || one.what.after.seq > committed) {
      result.reset = true;
      result.last = {epoch, committed};
    } else {
      auto last = std::min(committed, one.what.after.seq + one.what.limit);
      result.events = events_between(one.what.after.seq, last);
      result.last = {epoch, last};
    }
    one.then(std::move(result));
  }

  void reset() {
    epoch = second_epoch;
    told = committed = 40;
    h.start_over({epoch, told}, "restored");
  }

  void work() {
    while (h.work()) {
    }
  }

  void run_to_the_end() {
    for (int i = 0; i < 50; ++i) {
      work();
      page();
    }
  }
};

/// What a follower must have got: each event after its cursor once and in order, a reset where the log was
/// another.
void check(const world& w, cursor from, const std::string& history) {
  auto position = from;
  for (auto& block : w.got.blocks) {
    if (block.is_reset) {
      position = block.id;
      continue;
    }
    bool is_next = block.id.epoch == position.epoch && block.id.seq == position.seq + 1;
    if (!is_next)
      CAF_FAIL(history + ": " + to_string(block.id) + " after " + to_string(position));
    position = block.id;
  }
  if (w.got.is_open && position != (cursor{w.epoch, std::max(w.told, position.seq)}))
    CAF_FAIL(history + ": stands at " + to_string(position) + ", told " + std::to_string(w.told));
}

/// Plays the steps: p(age), l(og one), b(urst of five), r(eset), c(ut), w(ork), s(low), d(rained).
void play(const std::string& steps, cursor from, std::uint64_t ahead, std::size_t ring_events_max) {
  world w{ring_events_max};
  w.committed += ahead;
  auto id = w.h.add(std::make_unique<recorded_stream>(w.got), from);
  for (char step : steps) {
    switch (step) {
    case 'p':
      w.page();
      break;
    case 'l':
      w.log(1);
      break;
    case 'b':
      w.log(5);
      break;
    case 'r':
      w.reset();
      break;
    case 'c':
      w.got.is_open = false;
      w.h.remove(id);
      break;
    case 's':
      w.got.takes_bytes = false;
      break;
    case 'd':
      w.got.takes_bytes = true;
      w.got.unsent = 0;
      w.h.drained(id);
      break;
    default:
      w.work();
      break;
    }
  }
  if (w.got.is_open && !w.got.takes_bytes) {
    w.got.takes_bytes = true;
    w.got.unsent = 0;
    w.h.drained(id);
  }
  w.run_to_the_end();
  check(w, from, steps + " from " + to_string(from) + ", ahead " + std::to_string(ahead));
}

void play_all(const std::string& alphabet, std::size_t length, cursor from, std::uint64_t ahead,
              std::size_t ring_events_max, const std::string& so_far, std::size_t& played) {
  play(so_far, from, ahead, ring_events_max);
  ++played;
  if (so_far.size() < length)
    for (char step : alphabet)
      play_all(alphabet, length, from, ahead, ring_events_max, so_far + step, played);
}

} // namespace

CAF_TEST(no order of pages and news and resets and cuts tells an event twice or not at all) {
  std::size_t played = 0;
  for (std::uint64_t from : {8U, 10U, 11U, 13U}) // behind the ring, at its end, ahead of it
    for (std::uint64_t ahead : {0U, 1U, 4U})
      play_all("plbrcw", 5, {first_epoch, from}, ahead, 3, {}, played);
  CAF_CHECK(played > 100'000);
}

CAF_TEST(nor does one of a reader that is slow at times) {
  std::size_t played = 0;
  for (std::uint64_t from : {8U, 10U, 12U})
    play_all("plbsdw", 6, {first_epoch, from}, 2, 4, {}, played);
  CAF_CHECK(played > 100'000);
}

CAF_TEST(a stream that does not keep up is cut off and counted) {
  world w{100};
  w.h.add(std::make_unique<recorded_stream>(w.got), std::nullopt);
  w.log(1);
  w.run_to_the_end();
  CAF_CHECK_EQUAL(w.h.count().cut, 0u);
  w.got.takes_bytes = false;
  w.got.unsent = hub_limits{}.subscriber_buffer_bytes_max;
  w.log(1);
  w.run_to_the_end();
  CAF_CHECK(!w.got.is_open);
  CAF_CHECK_EQUAL(w.h.count().cut, 1u);
}

CAF_TEST(followers are told with the furthest behind first) {
  world w{100};
  received second;
  w.log(5);
  w.h.add(std::make_unique<recorded_stream>(w.got), cursor{first_epoch, 13}, {"near", "192.0.2.1"});
  const auto far =
    w.h.add(std::make_unique<recorded_stream>(second), cursor{first_epoch, 11}, {"far", "192.0.2.2"});
  w.now += std::chrono::seconds{3};
  auto told = w.h.followers(10);
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  CAF_CHECK_EQUAL(told[0].origin.caller, "far");
  CAF_CHECK_EQUAL(told[0].behind, 4u);
  CAF_CHECK(told[0].is_stream && w.now - told[0].since == std::chrono::seconds{3});
  CAF_CHECK_EQUAL(told[1].origin.address, "192.0.2.1");
  CAF_CHECK_EQUAL(told[1].behind, 2u);
  CAF_CHECK_EQUAL(w.h.followers(1).size(), 1u);

  w.run_to_the_end();
  for (const auto& each : w.h.followers(10))
    CAF_CHECK(each.behind == 0 && each.position == (cursor{first_epoch, 15}));
  w.h.remove(far);
  CAF_CHECK_EQUAL(w.h.followers(10).size(), 1u);
}

CAF_TEST(the delay of an event is observed once) {
  world w{100};
  received other;
  w.h.add(std::make_unique<recorded_stream>(w.got), std::nullopt);
  w.h.add(std::make_unique<recorded_stream>(other), std::nullopt);
  w.run_to_the_end();
  auto events = events_between(10, 12);
  events[0].happened = w.now - std::chrono::milliseconds{20};
  w.h.append(events, {first_epoch, 12}, w.now); // the second tells no age
  w.run_to_the_end();
  CAF_CHECK_EQUAL(w.h.count().delivered, 4u);
  CAF_CHECK_EQUAL(w.h.count().delay.count(), 1u);
  CAF_CHECK_EQUAL(w.h.count().delay.sum(), 0.02);
}

CAF_TEST(a cursor of another epoch is reset) {
  world w{8};
  w.h.add(std::make_unique<recorded_stream>(w.got), cursor{7, 3});
  w.run_to_the_end();
  CAF_REQUIRE_EQUAL(w.got.blocks.size(), 1u);
  CAF_CHECK(w.got.blocks[0].is_reset);
  CAF_CHECK(w.got.blocks[0].id == (cursor{first_epoch, 10}));
}

CAF_TEST(a turn visits only as many as it has time for and the next goes on with the others) {
  world w{100};
  std::vector<received> all(50);
  for (auto& one : all)
    w.h.add(std::make_unique<recorded_stream>(one), std::nullopt);
  w.work();
  auto reached = [&] {
    return std::count_if(all.begin(), all.end(), [](const received& r) { return !r.blocks.empty(); });
  };
  hub slow{world::limits(100), [](const store::read_events&, const std::function<void(page_result)>&) {},
           [&w] { return w.now += std::chrono::microseconds{100}; }}; // each look at the clock takes so long
  slow.start_over({first_epoch, 10}, "start");
  for (auto& one : all)
    slow.add(std::make_unique<recorded_stream>(one), std::nullopt);
  while (slow.work()) {
  }
  slow.append(events_between(10, 11), {first_epoch, 11}, w.now);
  CAF_CHECK(slow.work());
  auto after_one = reached();
  CAF_CHECK(after_one > 0 && after_one < 10);
  slow.append(events_between(11, 12), {first_epoch, 12}, w.now); // arrives meanwhile: goes out with the same visit
  while (slow.work()) {
  }
  CAF_CHECK_EQUAL(reached(), 50);
  for (auto& one : all)
    CAF_CHECK_EQUAL(one.blocks.size(), 2u);
}
