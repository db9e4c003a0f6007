#include "api/front_fixture.hpp"

#include <algorithm>

using namespace portcullis;
using namespace portcullis::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* as_stream = "Accept: text/event-stream\r\n";
const std::string feed_path = "/api/v1/internal/revocations";

revocation_event event(std::uint64_t seq) {
  revocation_event result;
  result.seq = seq;
  result.session_id = make_uuid(static_cast<std::uint32_t>(seq));
  result.account_id = make_uuid(101);
  return result;
}

std::vector<revocation_event> events(std::uint64_t first, std::uint64_t last) {
  std::vector<revocation_event> result;
  for (auto seq = first; seq <= last; ++seq)
    result.push_back(event(seq));
  return result;
}

std::string cursor_text(std::uint64_t seq, std::uint64_t epoch = 1) {
  return to_string(cursor{epoch, seq});
}

/// The `id:` and `event:` lines of a stream, in order, as `<seq>`, `<seq> session.revoked`…; a comment as `:`.
std::vector<std::string> blocks(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto end = text.find("\n\n");
    CAF_REQUIRE(end != std::string_view::npos);
    const auto block = "\n" + std::string{text.substr(0, end)} + "\n";
    text.remove_prefix(end + 2);
    const auto field = [&](const std::string& name) {
      const auto at = block.find("\n" + name + ": ");
      if (at == std::string::npos)
        return std::string{};
      const auto begin = at + name.size() + 3;
      return block.substr(begin, block.find('\n', begin) - begin);
    };
    if (block[1] == ':')
      result.push_back(":");
    else if (const auto id = field("id"); !id.empty()) {
      const auto kind = field("event");
      result.push_back(id.substr(id.find('-') + 1) + (kind.empty() ? "" : " " + kind));
    }
  }
  return result;
}

using lines = std::vector<std::string>;

lines revoked(std::uint64_t first, std::uint64_t last) {
  lines result;
  for (auto seq = first; seq <= last; ++seq)
    result.push_back(std::to_string(seq) + " session.revoked");
  return result;
}

struct fixture : http_fixture {
  void log(std::vector<revocation_event> news) {
    const auto position = cursor{1, news.back().seq};
    tell(log_progress{clock.now(), position, std::move(news)});
  }

  /// Reads the head of the stream; what follows it is in the next read.
  void read_head(handle client) {
    const auto r = read_response(client);
    CAF_CHECK_EQUAL(r.status, 200);
    CAF_CHECK(r.has("Content-Type: text/event-stream\r\n"));
    CAF_CHECK(r.has("Cache-Control: no-store, no-transform\r\n"));
    CAF_CHECK(r.has("X-Accel-Buffering: no\r\n"));
    CAF_CHECK(r.tells("retry: 1000\n"));
    first = blocks(r.body);
  }

  handle subscribe(std::int64_t descriptor, const std::string& fields = {}) {
    const auto client = connect(descriptor);
    get(client, feed_path, as_stream + fields);
    return client;
  }

  lines read_blocks(handle client) {
    return blocks(read(client));
  }

  lines first; // blocks that came with the head
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_feed_tests, fixture)

// -- streams ---------------------------------------------------------------------------------------------------

CAF_TEST(news do not shorten the turns of requests while the pacer is asked already) {
  parts.feed.turn_max = 0ns; // a turn visits one
  start_serving();
  std::vector<handle> crowd;
  for (std::int64_t descriptor = 1; descriptor <= 8; ++descriptor) {
    crowd.push_back(subscribe(descriptor));
    read_head(crowd.back());
  }
  const auto visited = [&] {
    return std::count_if(crowd.begin(), crowd.end(), [&](handle client) { return unread(client) > 0; });
  };
  for (std::uint64_t seq = 11; seq <= 14; ++seq)
    caf::anon_send(front, log_progress{clock.now(), {1, seq}, {event(seq)}});
  for (int i = 0; i < 4; ++i)
    CAF_CHECK(consume_message());
  CAF_CHECK(visited() <= 1);
  consume_messages();
  for (auto client : crowd)
    CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 14));
}

CAF_TEST(a subscriber without a cursor starts at now and hears what follows) {
  start_serving();
  const auto client = subscribe(1);
  read_head(client);
  CAF_CHECK_EQUAL(first, (lines{"10"}));
  log(events(11, 12));
  log({event(13)});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 13));
}

CAF_TEST(a subscriber that resumes gets from the ring all that it missed) {
  parts.feed.page_events_max = 2;
  start_serving();
  log(events(11, 17));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(12) + "\r\n");
  read_head(client);
  CAF_CHECK_EQUAL(first, (lines{"12"})); // a page follows when what was before it is taken
  lines rest;
  for (int page = 0; page < 4; ++page)
    for (const auto& block : read_blocks(client))
      rest.push_back(block);
  CAF_CHECK_EQUAL(rest, revoked(13, 17));
  log({event(18)});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(18, 18));
}

CAF_TEST(a cursor in the query does as well) {
  start_serving();
  log({event(11)});
  const auto client = connect(1);
  get(client, feed_path + "?cursor=" + cursor_text(10), as_stream);
  read_head(client);
  CAF_CHECK_EQUAL(first, (lines{"10"}));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 11));
}

CAF_TEST(what the ring does not hold any more comes from the table) {
  parts.feed.ring_events_max = 2;
  parts.feed.page_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(10) + "\r\n");
  auto asked = take<store::read_events>();
  CAF_CHECK(asked.message.after == (cursor{1, 10}));
  CAF_CHECK_EQUAL(asked.message.limit, 2u);
  read_head(client);
  log({event(16)}); // while the page is on its way
  answer(asked, store::read_events::result{false, events(11, 12), {1, 12}});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 12));
  auto asked_again = take<store::read_events>();
  CAF_CHECK(asked_again.message.after == (cursor{1, 12}));
  answer(asked_again, store::read_events::result{false, events(13, 14), {1, 14}});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(13, 14));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(15, 16)); // and the rest from the ring
}

CAF_TEST(what the table has beyond the ring is told when the ring has it) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(10) + "\r\n");
  auto asked = take<store::read_events>();
  read_head(client);
  answer(asked, store::read_events::result{false, events(11, 16), {1, 16}});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 15)); // of 16, memory may not know yet
  log(events(16, 16));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(16, 16));
  log(events(17, 17));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(17, 17));
}

CAF_TEST(a cursor ahead of the ring is told what comes after it once the ring has it) {
  start_serving();
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(11) + "\r\n");
  auto asked = take<store::read_events>();
  read_head(client);
  answer(asked, store::read_events::result{false, events(12, 13), {1, 13}});
  log(events(11, 12));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(12, 12));
  log(events(13, 13));
  CAF_CHECK_EQUAL(read_blocks(client), revoked(13, 13));
}

CAF_TEST(a cursor that the log does not reach back to is reset) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(3) + "\r\n");
  auto asked = take<store::read_events>();
  read_head(client);
  answer(asked, store::read_events::result{true, {}, {1, 15}});
  CAF_CHECK_EQUAL(read_blocks(client), (lines{"15 reset"}));
  log({event(16)});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(16, 16));
}

CAF_TEST(a cursor of another history is reset at once) {
  start_serving();
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(10, 9) + "\r\n");
  read_head(client);
  CAF_CHECK_EQUAL(first, (lines{"10", "10 reset"}));
  log({event(11)});
  CAF_CHECK_EQUAL(read_blocks(client), revoked(11, 11));
}

CAF_TEST(a history that changes resets everybody) {
  start_serving();
  const auto client = subscribe(1);
  read_head(client);
  tell(epoch_changed{{2, 3}, "the database was restored"});
  const auto text = read(client);
  CAF_CHECK_EQUAL(blocks(text), (lines{"3 reset"}));
  CAF_CHECK(text.find("id: " + cursor_text(3, 2)) != std::string::npos);
}

CAF_TEST(without the old page a subscriber is cut off instead of missing something) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(10) + "\r\n");
  auto asked = take<store::read_events>();
  fail(asked, errc::database_unavailable);
  CAF_CHECK(is_closed(client));
}

CAF_TEST(an old page for a subscriber that has gone does not reach the next one on its descriptor) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto alice = subscribe(5, "Last-Event-ID: " + cursor_text(10) + "\r\n");
  auto asked = take<store::read_events>();
  leave(alice);
  const auto bob = subscribe(5);
  read_head(bob);
  answer(asked, store::read_events::result{false, events(11, 12), {1, 12}});
  CAF_CHECK_EQUAL(unread(bob), 0u);
}

// -- slow subscribers (rule 8) -----------------------------------------------------------------------------------

CAF_TEST(a subscriber that does not read is cut off at the bound and the others hear everything) {
  parts.feed.subscriber_buffer_bytes_max = 4096;
  start_serving();
  const auto slow = subscribe(1);
  const auto brisk = subscribe(2);
  read_head(slow);
  read_head(brisk);
  lines heard;
  std::uint64_t seq = 10;
  while (!is_closed(slow) && seq < 200) {
    log({event(++seq)});
    CAF_CHECK(unread(slow) <= 4096);
    for (const auto& block : read_blocks(brisk))
      heard.push_back(block);
  }
  CAF_CHECK(is_closed(slow));
  CAF_CHECK(seq > 12); // it had its chance
  log({event(++seq)});
  for (const auto& block : read_blocks(brisk))
    heard.push_back(block);
  CAF_CHECK_EQUAL(heard, revoked(11, seq));
}

CAF_TEST(a subscriber that lags costs one page at a time) {
  parts.feed.page_events_max = 3;
  parts.feed.subscriber_buffer_bytes_max = 100'000;
  start_serving();
  log(events(11, 100));
  const auto client = subscribe(1, "Last-Event-ID: " + cursor_text(10) + "\r\n");
  read_head(client);
  CAF_CHECK_EQUAL(first.size(), 1u);
  log(events(101, 110));
  const auto one_page = unread(client);
  log(events(111, 120));
  CAF_CHECK_EQUAL(unread(client), one_page);
  lines rest;
  for (int page = 0; page < 60; ++page)
    for (const auto& block : read_blocks(client))
      rest.push_back(block);
  CAF_CHECK_EQUAL(rest, revoked(11, 120));
}

CAF_TEST(subscribers are bounded) {
  parts.feed.subscribers_max = 1;
  start_serving();
  const auto first_one = subscribe(1);
  read_head(first_one);
  const auto second = subscribe(2);
  CAF_CHECK_EQUAL(read_response(second).status, 503);
  leave(first_one);
  const auto third = subscribe(3);
  read_head(third);
}

CAF_TEST(a subscriber without news hears that the stream lives) {
  start_serving();
  const auto client = subscribe(1);
  read_head(client);
  pass(parts.feed.heartbeat_interval - 1ns);
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(1ns);
  CAF_CHECK_EQUAL(read_blocks(client), (lines{":"}));
}

CAF_TEST(streams end when the service stops) {
  start_serving();
  const auto client = subscribe(1);
  read_head(client);
  const auto drained = ask<applied>(sys, front, drain_connections{});
  consume_messages();
  pass(limits.linger_timeout);
  CAF_CHECK(is_closed(client));
  CAF_CHECK(drained->reply);
}

// -- the JSON form
// -------------------------------------------------------------------------------------------------

CAF_TEST(a poll gets what follows its cursor) {
  start_serving();
  log(events(11, 13));
  const auto client = connect(1);
  get(client, feed_path + "?limit=2&cursor=" + cursor_text(10));
  auto r = read_response(client);
  CAF_CHECK(r.tells(R"("seq":11)") && r.tells(R"("seq":12)") && !r.tells(R"("seq":13)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(12) + "\""));
  CAF_CHECK(r.tells(R"("reset":false)"));
  get(client, feed_path + "?cursor=" + cursor_text(13));
  r = read_response(client);
  CAF_CHECK(r.tells(R"("events":[])"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(13) + "\""));
}

CAF_TEST(a long poll is answered by the news) {
  start_serving();
  const auto client = connect(1);
  get(client, feed_path + "?wait=30");
  pass(20s);
  CAF_CHECK_EQUAL(unread(client), 0u);
  log({event(11)});
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells(R"("seq":11)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(11) + "\""));
}

CAF_TEST(a long poll without news is answered when its time is over) {
  start_serving();
  const auto client = connect(1);
  get(client, feed_path + "?wait=30");
  pass(30s - 1ns);
  CAF_CHECK_EQUAL(unread(client), 0u);
  pass(1ns);
  const auto r = read_response(client);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.tells(R"("events":[])"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(10) + "\""));
}

CAF_TEST(a long poll of a client that has gone does not answer the next one on its descriptor) {
  start_serving();
  const auto alice = connect(5);
  get(alice, feed_path + "?wait=30");
  leave(alice);
  const auto bob = connect(5);
  log({event(11)});
  CAF_CHECK_EQUAL(unread(bob), 0u);
}

CAF_TEST(a poll with an old cursor is answered from the table) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = connect(1);
  get(client, feed_path + "?limit=7&cursor=" + cursor_text(10));
  auto asked = take<store::read_events>();
  CAF_CHECK(asked.message.after == (cursor{1, 10}));
  CAF_CHECK_EQUAL(asked.message.limit, 7u);
  answer(asked, store::read_events::result{false, events(11, 15), {1, 15}});
  CAF_CHECK(read_response(client).tells(R"("seq":11)"));
  get(client, feed_path + "?cursor=" + cursor_text(10));
  auto failing = take<store::read_events>();
  fail(failing, errc::database_unavailable);
  CAF_CHECK_EQUAL(read_response(client).status, 503);
}

CAF_TEST(a page tells of nothing that the ring has not reached) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = connect(1);
  get(client, feed_path + "?cursor=" + cursor_text(10));
  auto asked = take<store::read_events>();
  answer(asked, store::read_events::result{false, events(11, 16), {1, 16}});
  const auto r = read_response(client);
  CAF_CHECK(r.tells(R"("seq":15)"));
  CAF_CHECK(!r.tells(R"("seq":16)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(15) + "\""));
}

CAF_TEST(a page of a history that has ended meanwhile is a reset) {
  parts.feed.ring_events_max = 2;
  start_serving();
  log(events(11, 15));
  const auto client = connect(1);
  get(client, feed_path + "?cursor=" + cursor_text(10));
  auto asked = take<store::read_events>();
  tell(epoch_changed{{2, 4}, "restored", {}});
  answer(asked, store::read_events::result{false, events(11, 15), {1, 15}});
  const auto r = read_response(client);
  CAF_CHECK(r.tells(R"("reset":true)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(4, 2) + "\""));
}

CAF_TEST(a long poll is answered from the table when more comes at once than the ring holds) {
  parts.feed.ring_events_max = 2;
  start_serving();
  const auto client = connect(1);
  get(client, feed_path + "?wait=30&limit=7");
  log(events(11, 15));
  auto asked = take<store::read_events>();
  CAF_CHECK(asked.message.after == (cursor{1, 10}));
  CAF_CHECK_EQUAL(asked.message.limit, 7u);
  answer(asked, store::read_events::result{false, events(11, 15), {1, 15}});
  const auto r = read_response(client);
  CAF_CHECK(r.tells(R"("seq":11)"));
  CAF_CHECK(r.tells(R"("reset":false)"));
}

CAF_TEST(a long poll misses nothing that comes while the table is read for it) {
  start_serving();
  const auto client = connect(1);
  get(client, feed_path + "?wait=30&cursor=" + cursor_text(11)); // ahead of the ring
  auto asked = take<store::read_events>();
  log(events(11, 12));
  answer(asked, store::read_events::result{false, {}, {1, 11}});
  CAF_CHECK(read_response(client).tells(R"("seq":12)"));
}

CAF_TEST(a poll with a cursor of another history is told to start over) {
  start_serving();
  const auto client = connect(1);
  get(client, feed_path + "?wait=30&cursor=" + cursor_text(10, 9));
  const auto r = read_response(client);
  CAF_CHECK(r.tells(R"("reset":true)"));
  CAF_CHECK(r.tells("\"cursor\":\"" + cursor_text(10) + "\""));
}

CAF_TEST(nonsense is refused) {
  start_serving();
  const auto client = connect(1);
  for (const auto* query : {"?cursor=1", "?wait=31", "?wait=x", "?limit=0"}) {
    get(client, feed_path + query);
    CAF_CHECK_EQUAL(read_response(client).status, 400);
  }
}

CAF_TEST(before the log was read there is no feed) {
  start();
  tell(portcullis::start_serving{});
  const auto client = subscribe(1);
  CAF_CHECK_EQUAL(read_response(client).status, 503);
}

CAF_TEST_FIXTURE_SCOPE_END()
