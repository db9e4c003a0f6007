#include "actors/fixture.hpp"

#include "actors/log_wakeup.hpp"
#include "actors/revocation_feed.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

using page = log_page;
using lines = std::vector<std::string>;

/// What the source is to do next, and everything that happened, in order: the calls of the source and the news of
/// the sinks. Calls without a script succeed and bring nothing.
struct script {
  bool is_open = false;
  cursor end{1, 10};
  std::deque<page> pages;
  std::deque<std::string> fails; // the names of calls that fail, each once
  std::vector<std::vector<warm_session>> active;
  std::deque<log_source::wake> wakes;
  std::vector<std::chrono::nanoseconds> waits;
  std::function<void()> while_asked_for_position = [] {};
  std::function<void()> while_reading = [] {};
  std::function<void()> before_hand_over = [] {};
  lines happened;

  failure call(const std::string& name) {
    happened.push_back(name);
    if (fails.empty() || fails.front() != name)
      return {};
    fails.pop_front();
    is_open = false;
    return {errc::database_unavailable, "scripted"};
  }
};

class scripted_source : public log_source, public snapshot_source, public log_notifier {
public:
  scripted_source(script& s, std::function<instant()> now) : script_(s), now_(std::move(now)) {}

  bool is_open() const override {
    return script_.is_open;
  }

  failure open(instant) override {
    auto result = script_.call("open");
    script_.is_open = result.code == errc::none;
    return result;
  }

  failure position(cursor* out, instant) override {
    *out = script_.end;
    script_.while_asked_for_position();
    return script_.call("position");
  }

  failure read(cursor after, page* out, instant) override {
    auto began = now_();
    script_.while_reading();
    auto result = script_.call("read after " + std::to_string(after.seq));
    if (result.code != errc::none)
      return result;
    out->last = after;
    if (!script_.pages.empty()) {
      *out = std::move(script_.pages.front());
      script_.pages.pop_front();
    }
    out->as_of = began;
    return {};
  }

  failure stream_active(std::size_t, const sink& take, instant) override {
    auto result = script_.call("stream");
    if (result.code != errc::none)
      return result;
    for (auto entries : script_.active) {
      script_.before_hand_over();
      if (!take(std::move(entries)))
        return {errc::internal, "nobody takes it"};
    }
    return {};
  }

  failure notify(instant) override {
    return script_.call("notify");
  }

  wake wait(std::chrono::nanoseconds timeout) override {
    script_.happened.push_back("wait");
    script_.waits.push_back(timeout);
    if (script_.wakes.empty())
      return wake::timeout;
    const auto result = script_.wakes.front();
    script_.wakes.pop_front();
    return result;
  }

private:
  script& script_;
  std::function<instant()> now_;
};

log_sources sources_of(script& s, std::function<instant()> now) {
  auto source = std::make_unique<scripted_source>(s, std::move(now));
  log_sources result;
  result.snapshot = source.get();
  result.notifier = source.get();
  result.log = std::move(source);
  return result;
}

page page_of(std::initializer_list<std::uint64_t> seqs, bool has_more = false) {
  page result;
  for (const auto seq : seqs) {
    result.events.emplace_back();
    result.events.back().seq = seq;
    result.last = {1, seq};
  }
  result.has_more = has_more;
  return result;
}

page reset_page() {
  page result;
  result.reset = true;
  return result;
}

/// The follower's steps up to a wait, without a thread.
struct fixture {
  hand_clock clock;
  script log;
  std::vector<log_progress> progress;
  std::vector<epoch_changed> changes;
  std::vector<warm_sessions> warmed;
  log_follower follower{options(), sources_of(log, clock.reader()), listener()};

  revocation_feed_options options() const {
    revocation_feed_options result;
    result.poll_interval = 100ms;
    result.backoff_min = 50ms;
    result.backoff_max = 400ms;
    result.now = clock.reader();
    return result;
  }

  log_follower::listener listener() {
    log_follower::listener result;
    result.hand_over = [this](warm_sessions&& part) {
      log.happened.push_back("warm");
      warmed.push_back(std::move(part));
      return true;
    };
    result.tell = [this](log_news&& news) { std::visit([this](auto& message) { hear(message); }, news); };
    return result;
  }

  void hear(const log_progress& news) {
    log.happened.push_back("progress to " + std::to_string(news.position.seq));
    progress.push_back(news);
  }

  void hear(const epoch_changed& news) {
    log.happened.push_back("epoch at " + std::to_string(news.position.seq));
    changes.push_back(news);
  }

  void hear(const cache_warmed&) {
    log.happened.push_back("warmed");
  }

  lines round() {
    log.happened.clear();
    while (follower.step())
      ; // what was told is delivered here
    follower.wait();
    return log.happened;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(revocation_feed_rounds, fixture)

CAF_TEST(it listens then takes its position then warms memory then reads) {
  log.active = {{{make_hash(1), make_record(11, 101)}}, {{make_hash(2), make_record(12, 102)}}};
  CAF_CHECK_EQUAL(round(), (lines{"open", "position", "epoch at 10", "stream", "warm", "warm", "warmed",
                                  "read after 10", "progress to 10", "wait"}));
  CAF_REQUIRE_EQUAL(warmed.size(), 2u);
  CAF_CHECK(warmed[0].entries[0].hash == make_hash(1));
  CAF_CHECK(warmed[1].began == clock.now());
  CAF_CHECK(log.waits.back() == 100ms);
  CAF_CHECK_EQUAL(round(), (lines{"read after 10", "progress to 10", "wait"}));
}

CAF_TEST(events are told in order and reading goes on after them) {
  round();
  log.pages = {page_of({11, 12})};
  CAF_CHECK_EQUAL(round(), (lines{"read after 10", "progress to 12", "wait"}));
  CAF_REQUIRE_EQUAL(progress.back().events.size(), 2u);
  CAF_CHECK_EQUAL(progress.back().events[0].seq, 11u);
  CAF_CHECK_EQUAL(progress.back().events[1].seq, 12u);
  CAF_CHECK(progress.back().position == (cursor{1, 12}));
  CAF_CHECK(round()[0] == "read after 12");
}

// -- rule 3: the lease
// ---------------------------------------------------------------------------------------------

CAF_TEST(the lease runs from before the read and comes with the last page only) {
  round();
  log.pages = {page_of({11}, true), page_of({12}, true), page_of({13})};
  log.while_reading = [this] { clock.advance(1s); };
  const auto start = clock.now();
  progress.clear();
  CAF_CHECK_EQUAL(round(), (lines{"read after 10", "progress to 11", "read after 11", "progress to 12",
                                  "read after 12", "progress to 13", "wait"}));
  CAF_REQUIRE_EQUAL(progress.size(), 3u);
  CAF_CHECK(progress[0].read_began == instant::min());
  CAF_CHECK(progress[1].read_began == instant::min());
  CAF_CHECK(progress[2].read_began == start + 2s);
}

CAF_TEST(an empty read renews the lease) {
  round();
  clock.advance(5s);
  round();
  CAF_CHECK(progress.back().events.empty());
  CAF_CHECK(progress.back().read_began == clock.now());
}

CAF_TEST(a read that failed renews nothing) {
  round();
  progress.clear();
  log.fails = {"read after 10"};
  round();
  CAF_CHECK(progress.empty());
}

// -- trouble
// -------------------------------------------------------------------------------------------------------

CAF_TEST(after trouble it goes on where it was and nothing is lost) {
  log.pages = {page_of({11})};
  round();
  log.fails = {"read after 11", "open"};
  CAF_CHECK_EQUAL(round(), (lines{"read after 11", "wait"}));
  CAF_CHECK_EQUAL(round(), (lines{"open", "wait"}));
  log.pages = {page_of({12, 13})};
  CAF_CHECK_EQUAL(round(), (lines{"open", "read after 11", "progress to 13", "wait"}));
  CAF_CHECK_EQUAL(changes.size(), 1u); // the first, at the start: memory is as good as it was
  CAF_CHECK(warmed.empty());
}

CAF_TEST(pauses grow to their bound and begin anew after a success) {
  log.fails = {"open", "open", "open", "open", "open", "open"};
  std::chrono::nanoseconds longest = 50ms;
  for (int attempt = 0; attempt < 6; ++attempt) {
    round();
    CAF_CHECK(log.waits.back() <= longest);
    CAF_CHECK(log.waits.back() >= 25ms);
    longest = std::min<std::chrono::nanoseconds>(longest * 2, 400ms);
  }
  CAF_CHECK(log.waits.back() > 50ms);
  round();
  CAF_CHECK(log.waits.back() == 100ms);
  log.fails = {"read after 10"};
  round();
  CAF_CHECK(log.waits.back() <= 50ms);
}

CAF_TEST(a warm up that failed is done again) {
  log.active = {{{make_hash(1), make_record(11, 101)}}};
  log.fails = {"stream"};
  CAF_CHECK_EQUAL(round(), (lines{"open", "position", "epoch at 10", "stream", "wait"}));
  CAF_CHECK_EQUAL(round(), (lines{"open", "stream", "warm", "warmed", "read after 10", "progress to 10", "wait"}));
}

CAF_TEST(a position that failed is asked again) {
  log.fails = {"position"};
  CAF_CHECK_EQUAL(round(), (lines{"open", "position", "wait"}));
  CAF_CHECK(changes.empty());
  CAF_CHECK_EQUAL(round(), (lines{"open", "position", "epoch at 10", "stream", "warmed", "read after 10",
                                  "progress to 10", "wait"}));
}

// -- another history (rule 5)
// ----------------------------------------------------------------------------------------

CAF_TEST(another history is told and memory is warmed anew) {
  round();
  changes.clear();
  log.active = {{{make_hash(1), make_record(11, 101)}}};
  log.pages = {reset_page()};
  log.end = {2, 3};
  log.while_asked_for_position = [this] { clock.advance(1s); };
  CAF_CHECK_EQUAL(round(), (lines{"read after 10", "position", "epoch at 3", "stream", "warm", "warmed",
                                  "read after 3", "progress to 3", "wait"}));
  CAF_REQUIRE_EQUAL(changes.size(), 1u);
  CAF_CHECK(changes[0].position == (cursor{2, 3}));
  CAF_CHECK(!changes[0].reason.empty());
  CAF_CHECK(changes[0].noticed == clock.now()); // not when it was asked: what was read meanwhile may lack events
  CAF_REQUIRE_EQUAL(warmed.size(), 1u);
  CAF_CHECK(warmed[0].began >= changes[0].noticed);
}

// -- the wakeup
// ----------------------------------------------------------------------------------------------------

CAF_TEST(a wakeup is passed on to other replicas once and before the read) {
  round();
  log.wakes = {log_source::wake::notified, log_source::wake::hint};
  round();
  log.pages = {page_of({11})};
  CAF_CHECK_EQUAL(round(), (lines{"notify", "read after 10", "progress to 11", "wait"}));
  CAF_CHECK_EQUAL(round(), (lines{"read after 11", "progress to 11", "wait"})); // a hint is not passed on
}

CAF_TEST(many rings are one) {
  log_wakeup wakeup;
  CAF_CHECK(!wakeup.consume());
  wakeup.notify();
  wakeup.notify();
  CAF_CHECK(wakeup.consume());
  CAF_CHECK(!wakeup.consume());
}

CAF_TEST_FIXTURE_SCOPE_END()

// -- the actor
// -------------------------------------------------------------------------------------------------------

namespace {

struct actor_fixture : test_coordinator_fixture<with_messages<caf::actor_system_config>> {
  script log;
  probe_ptr heard = std::make_shared<probe>(); // by the cache and by another sink, in order
  session_cache_actor cache = spawn_fake<session_cache_actor>(sys, heard);
  probe_ptr heard_by_front = std::make_shared<probe>();
  revocation_sink_actor front = spawn_fake<revocation_sink_actor>(sys, heard_by_front);
  revocation_feed_actor feed;

  actor_fixture() {
    sched.run();
    auto source = std::make_shared<log_sources>(sources_of(log, boot_clock::now));
    feed = sys.spawn(revocation_feed, revocation_feed_options{}, source, cache,
                     std::vector<revocation_sink_actor>{front});
  }

  ~actor_fixture() override {
    anon_send_exit(feed, caf::exit_reason::kill);
    sched.run();
    heard->clear();
    heard_by_front->clear();
  }

  template <class Message>
  void answer(question<Message>& asked) {
    asked.answer(applied{});
    sched.run();
  }

  /// Up to the first progress, which is left in the cache's probe.
  void start_up() {
    log.pages = {page_of({11})};
    sched.run();
    auto epoch = heard->take<epoch_changed>();
    answer(epoch);
    auto epoch_for_front = heard_by_front->take<epoch_changed>();
    answer(epoch_for_front);
    auto warmed = heard->take<cache_warmed>();
    answer(warmed);
    auto warmed_for_front = heard_by_front->take<cache_warmed>();
    answer(warmed_for_front);
  }

  bool has_ended() {
    return caf::actor_cast<caf::abstract_actor*>(feed)->getf(caf::abstract_actor::is_terminated_flag);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(revocation_feed_actors, actor_fixture)

CAF_TEST(the front hears of nothing that the cache has not taken) {
  log.pages = {page_of({11})};
  sched.run();
  CAF_CHECK(heard_by_front->empty());
  auto epoch = heard->take<epoch_changed>();
  CAF_CHECK_EQUAL(epoch.message.position.seq, 10u);
  answer(epoch);
  auto epoch_for_front = heard_by_front->take<epoch_changed>();
  CAF_CHECK_EQUAL(epoch_for_front.message.position.seq, 10u);
  auto warmed = heard->take<cache_warmed>();
  answer(warmed);
  auto progress = heard->take<log_progress>();
  CAF_CHECK_EQUAL(progress.message.position.seq, 11u);
  answer(epoch_for_front);
  auto warmed_for_front = heard_by_front->take<cache_warmed>();
  answer(warmed_for_front);
  CAF_CHECK(heard_by_front->empty());
  answer(progress);
  auto progress_for_front = heard_by_front->take<log_progress>();
  CAF_CHECK_EQUAL(progress_for_front.message.events.size(), 1u);
  answer(progress_for_front);
}

CAF_TEST(the log is not read on before the cache has taken what was read) {
  start_up();
  auto progress = heard->take<log_progress>();
  const auto before = log.happened;
  sched.run();
  CAF_CHECK_EQUAL(log.happened, before);
  answer(progress);
  CAF_CHECK(log.happened.size() > before.size());
}

CAF_TEST(a busy front holds up neither the lease nor the log and hears the rest in one message) {
  start_up();
  auto progress = heard->take<log_progress>();
  answer(progress);
  auto held = heard_by_front->take<log_progress>(); // it does not answer that
  const auto waits = log.waits.size();
  for (const std::uint64_t seq : {12u, 13u, 14u}) {
    log.pages = {page_of({seq})};
    auto next = heard->take<log_progress>();
    answer(next);
    sched.advance_time(5ms);
    sched.run();
  }
  auto next = heard->take<log_progress>();
  CAF_CHECK(heard_by_front->empty()); // one message on its way
  for (auto i = waits + 1; i < log.waits.size(); ++i)
    CAF_CHECK(log.waits[i] == 0ms); // the front's reply is waited for at the mailbox
  answer(held);
  auto rest = heard_by_front->take<log_progress>();
  CAF_CHECK(rest.message.events.size() >= 2u);
  CAF_CHECK_EQUAL(rest.message.events.front().seq, 12u);
  CAF_CHECK(heard_by_front->empty());
  answer(rest);
  answer(next);
}

CAF_TEST(a front that has ended is told nothing and the cache goes on hearing) {
  start_up();
  auto progress = heard->take<log_progress>();
  answer(progress);
  auto held = heard_by_front->take<log_progress>();
  anon_send_exit(front, caf::exit_reason::kill); // with a reply owed
  sched.run();
  for (int i = 0; i < 3; ++i) {
    auto next = heard->take<log_progress>();
    answer(next);
  }
  CAF_CHECK(heard_by_front->empty());
}

CAF_TEST(without a cache the feed ends) {
  start_up();
  auto progress = heard->take<log_progress>();
  anon_send_exit(cache, caf::exit_reason::kill); // with a reply owed
  sched.run();
  CAF_CHECK(has_ended());
}

CAF_TEST(an exit ends it while it waits for a sink) {
  start_up();
  CAF_CHECK(!has_ended());
  anon_send_exit(feed, caf::exit_reason::user_shutdown);
  sched.run();
  CAF_CHECK(has_ended());
}

CAF_TEST_FIXTURE_SCOPE_END()
