#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"
#include "core/failpoint.hpp"
#include "http/event_stream.hpp"
#include "api/json.hpp"
#include "http/query.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

/// Followers of the revocation feed. The front holds the ring of recent events, because it is on the same
/// thread as those who read it; what is older comes from the table, a page at a time.
///
/// A stream is always in one of two states. One that has written everything up to the ring's end is live:
/// new events are encoded once and appended to every live stream. One that lags is pumped: it gets the next page
/// only when its last one has left for the kernel, so a slow reader costs one page of memory and no more.
namespace portcullis {

namespace {

constexpr std::chrono::seconds wait_max{30};

/// Where the follower wants to go on: `Last-Event-ID` (a reconnecting EventSource keeps the URL it was made
/// with, so the header is the newer of the two), else `?cursor=`, else nothing.
result<std::optional<cursor>> wanted_cursor(const http::request& r) {
  std::string text{r.get(http::field::last_event_id)};
  if (text.empty()) {
    auto parameter = http::query_parameter(r.query, "cursor");
    if (!parameter)
      return parameter.error();
    text = parameter->value_or("");
  }
  if (text.empty())
    return std::optional<cursor>{};
  auto parsed = cursor::parse(text);
  if (!parsed)
    return failure{errc::cursor_malformed, "the cursor is not <epoch>-<seq>"};
  return std::optional<cursor>{*parsed};
}

result<std::chrono::seconds> wanted_wait(const http::request& r) {
  auto parameter = http::query_parameter(r.query, "wait");
  if (!parameter)
    return parameter.error();
  auto& text = *parameter;
  if (!text)
    return std::chrono::seconds{0};
  int seconds = -1;
  auto [end, err] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (err != std::errc{} || end != text->data() + text->size() || seconds < 0 || seconds > wait_max.count())
    return failure{errc::parameter_malformed, "wait takes a whole number of seconds from 0 to 30"};
  return std::chrono::seconds{seconds};
}

} // namespace

void http_front_state::handle_revocations(http_connection& c, http_exchange& x, const http::request& r) {
  auto from = wanted_cursor(r);
  if (!from)
    return answer_problem(c, x, from.error());
  if (!has_position_)
    return answer_problem(c, x, {errc::starting, "the revocation log has not been read yet"});
  auto wants_stream = r.get(http::field::accept).find("text/event-stream") != std::string_view::npos;
  if (wants_stream && !x.is_head)
    subscribe(c, x, *from);
  else
    poll_events(c, x, r, *from);
}

// -- JSON --------------------------------------------------------------------------------------------------

void http_front_state::poll_events(http_connection& c, http_exchange& x, const http::request& r,
                                   std::optional<cursor> from) {
  auto page = api::decode_page(r.query);
  if (!page)
    return answer_problem(c, x, page.error());
  auto wait = wanted_wait(r);
  if (!wait)
    return answer_problem(c, x, wait.error());
  auto limit = page->limit;
  auto position = from.value_or(ring_.last());
  auto deadline = x.began + *wait;
  if (wait->count() != 0)
    x.deadline = deadline + options_.request_timeout;
  waiter asks{ticket_of(c, x), position, limit, deadline};
  switch (ring_.find(position)) {
  case event_ring::reach::from_another_history:
    return answer_json(c, x, 200, http::render_event_page({}, ring_.last(), true));
  case event_ring::reach::too_old:
  case event_ring::reach::ahead:
    return read_page(asks);
  case event_ring::reach::held:
    break;
  }
  wait_for_events(asks);
}

/// Answers a poll with events that the ring holds; false when there are none.
bool http_front_state::answer_from_ring(const waiter& asks) {
  if (ring_.find(asks.from) != event_ring::reach::held)
    return false;
  auto events = ring_.after(asks.from.seq, asks.limit);
  if (events.empty())
    return false;
  answer_json(asks.to, 200, http::render_event_page(events, {asks.from.epoch, events.back().seq}, false));
  return true;
}

/// The page up to the ring's end. What the table has beyond it memory here may not have applied yet, and nobody is
/// to hear of a revocation from a replica that does not honour it: it comes by the ring, in a moment.
store::read_events::result http_front_state::up_to_ring(store::read_events::result page) const {
  auto end = ring_.last().seq;
  auto is_beyond = [end](const revocation_event& event) { return event.seq > end; };
  page.events.erase(std::find_if(page.events.begin(), page.events.end(), is_beyond), page.events.end());
  page.last.seq = std::min(page.last.seq, end);
  return page;
}

void http_front_state::read_page(const waiter& asks) {
  self_->request(peers_.log, caf::infinite, store::read_events{asks.from, asks.limit})
    .then(
      [this, asks](const store::read_events::result& page) {
        guard("page", [&] {
          if (page.reset)
            return answer_json(asks.to, 200, http::render_event_page({}, page.last, true));
          if (page.last.epoch != ring_.last().epoch)
            return answer_json(asks.to, 200, http::render_event_page({}, ring_.last(), true));
          auto told = up_to_ring(page);
          if (told.events.empty())
            wait_for_events(asks);
          else
            answer_json(asks.to, 200, http::render_event_page(told.events, told.last, false));
        });
      },
      [this, asks](const caf::error& err) { guard("page", [&] { answer_problem(asks.to, to_failure(err)); }); });
}

/// Leaves a poll until there is news, or until its time is over, which may be now. The news may have come while
/// the table was read.
void http_front_state::wait_for_events(const waiter& asks) {
  if (answer_from_ring(asks))
    return;
  if (asks.deadline <= options_.now())
    return answer_json(asks.to, 200, http::render_event_page({}, asks.from, false));
  if (waiters_.size() >= options_.subscribers_max)
    forget_gone_waiters();
  if (waiters_.size() >= options_.subscribers_max)
    return answer_problem(asks.to, {errc::connection_limit, "too many subscribers"});
  waiters_.push_back(asks);
}

void http_front_state::answer_waiters() {
  for (auto& asks : std::exchange(waiters_, {})) {
    switch (ring_.find(asks.from)) {
    case event_ring::reach::ahead:
    case event_ring::reach::held:
      wait_for_events(asks);
      break;
    case event_ring::reach::too_old: // more came at once than the ring holds
      read_page(asks);
      break;
    case event_ring::reach::from_another_history:
      answer_json(asks.to, 200, http::render_event_page({}, ring_.last(), true));
      break;
    }
  }
}

void http_front_state::expire_waiters(instant now) {
  auto is_over = [&](const waiter& w) { return w.deadline <= now || phase_ == service_phase::draining; };
  auto late = std::partition(waiters_.begin(), waiters_.end(), [&](auto& w) { return !is_over(w); });
  std::vector<waiter> expired(late, waiters_.end());
  waiters_.erase(late, waiters_.end());
  for (auto& waiting : expired)
    answer_json(waiting.to, 200, http::render_event_page({}, waiting.from, false));
}

/// Waiters whose connection has gone are otherwise found at their deadline.
void http_front_state::forget_gone_waiters() {
  auto is_gone = [&](const waiter& w) { return find(w.to) == nullptr; };
  waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), is_gone), waiters_.end());
}

void http_front_state::forget_gone_subscribers() {
  if (subscribers_.size() == subscriber_count_)
    return;
  auto is_gone = [&](auto& who) { return find(who.first, who.second) == nullptr; };
  subscribers_.erase(std::remove_if(subscribers_.begin(), subscribers_.end(), is_gone), subscribers_.end());
}

// -- streams -----------------------------------------------------------------------------------------------

void http_front_state::subscribe(http_connection& c, http_exchange& x, std::optional<cursor> from) {
  if (subscriber_count_ >= options_.subscribers_max)
    return answer_problem(c, x, {errc::connection_limit, "too many subscribers"});
  if (phase_ == service_phase::draining)
    return answer_problem(c, x, {errc::draining, "the service is stopping"});
  if (&x != &c.exchanges.front())
    return answer_problem(c, x, {errc::request_malformed, "a stream cannot be pipelined behind other requests"});
  auto position = !fails(failpoint::resume_from_cursor) ? from.value_or(ring_.last()) : ring_.last();
  auto reach = ring_.find(position);
  bool is_known = reach != event_ring::reach::from_another_history;
  x.keep_alive = false; // the stream ends with the connection
  http::append_stream_head(c.out, context_of(x), is_known ? position : ring_.last());
  complete(c, x, 200);
  c.state = http_connection::mode::streaming;
  c.subscription.emplace();
  c.subscription->position = position.seq;
  c.subscription->last_written = options_.now();
  subscribers_.emplace_back(c.handle.id(), c.generation);
  ++subscriber_count_;
  if (!is_known)
    reset_subscriber(c, "the cursor is from another history");
  else if (reach == event_ring::reach::ahead)
    read_table(c); // which knows whether there is such a position
  else
    pump(c);
}

/// Writes what the stream lacks, a page at a time; does nothing for one that is live or still sending.
void http_front_state::pump(http_connection& c) {
  auto& s = *c.subscription;
  while (c.state == http_connection::mode::streaming && c.unsent == 0 && !s.is_reading_table
         && s.position < ring_.last().seq) {
    if (ring_.find({ring_.last().epoch, s.position}) == event_ring::reach::too_old) {
      read_table(c);
      break;
    }
    auto events = ring_.after(s.position, options_.page_events_max);
    for (auto& event : events)
      http::append_event(c.out, event, ring_.last().epoch);
    s.position = events.empty() ? ring_.last().seq : events.back().seq;
    s.last_written = options_.now();
    flush(c);
  }
  flush(c);
}

void http_front_state::read_table(http_connection& c) {
  c.subscription->is_reading_table = true;
  ticket to{c.handle.id(), c.generation, 0};
  cursor from{ring_.last().epoch, c.subscription->position};
  self_->request(peers_.log, caf::infinite, store::read_events{from, options_.page_events_max})
    .then(
      [this, to](const store::read_events::result& page) {
        guard("page", [&] {
          if (auto* subscriber = find(to))
            continue_from_table(*subscriber, page);
        });
      },
      [this, to](const caf::error& err) {
        guard("page", [&] {
          // Without the page the stream would have a hole. The client comes back with its cursor.
          log::warn("subscriber cut off", {{"reason", to_string(to_failure(err).code)}});
          if (auto* subscriber = find(to))
            drop(*subscriber);
        });
      });
}

void http_front_state::continue_from_table(http_connection& c, const store::read_events::result& page) {
  auto& s = *c.subscription;
  s.is_reading_table = false;
  if (page.reset || page.last.epoch != ring_.last().epoch)
    return reset_subscriber(c, "the cursor is too old");
  auto told = up_to_ring(page);
  for (auto& event : told.events)
    http::append_event(c.out, event, told.last.epoch);
  s.position = std::max(s.position, told.last.seq); // a cursor that was ahead of the ring stays so
  s.last_written = options_.now();
  flush(c);
  pump(c);
}

void http_front_state::reset_subscriber(http_connection& c, std::string_view reason) {
  auto& s = *c.subscription;
  s.position = ring_.last().seq;
  s.last_written = options_.now();
  http::append_reset(c.out, reason, ring_.last());
  flush(c);
}

/// Appends new events to every live stream, encoded once. A stream whose unsent bytes pass the bound is cut
/// off: its client resumes by its cursor.
void http_front_state::broadcast(const std::vector<revocation_event>& events, std::uint64_t before) {
  http::byte_buffer encoded;
  for (auto& event : events)
    http::append_event(encoded, event, ring_.last().epoch);
  auto now = options_.now();
  auto gone = std::remove_if(subscribers_.begin(), subscribers_.end(), [&](auto& who) {
    auto* c = find(who.first, who.second);
    if (c == nullptr || c->state != http_connection::mode::streaming)
      return true;
    auto& s = *c->subscription;
    if (s.position != before) { // lagging, or ahead: it came with a cursor that the ring has not reached yet
      pump(*c);
      return false;
    }
    bool has_room = c->unsent + encoded.size() <= options_.subscriber_buffer_bytes_max;
    if (!has_room && !fails(failpoint::subscriber_bound)) {
      ++subscribers_cut_;
      log::warn("subscriber cut off", {{"reason", "it does not keep up"}, {"unsent_bytes", c->unsent}});
      drop(*c);
      return true;
    }
    c->out.insert(c->out.end(), encoded.begin(), encoded.end());
    s.position = ring_.last().seq;
    s.last_written = now;
    flush(*c);
    return false;
  });
  subscribers_.erase(gone, subscribers_.end());
}

void http_front_state::end_streams() {
  for (auto& [connection, generation] : std::exchange(subscribers_, {}))
    if (auto* c = find(connection, generation)) {
      c->state = http_connection::mode::closing;
      flush(*c);
    }
}

// -- what the feed tells -----------------------------------------------------------------------------------

void http_front_state::apply(const log_progress& news) {
  log_read_began_ = std::max(log_read_began_, news.read_began);
  auto before = ring_.last().seq;
  ring_.append(news.events, news.position);
  resume_lookups();
  if (news.events.empty())
    return;
  broadcast(news.events, before);
  answer_waiters();
}

void http_front_state::apply(const epoch_changed& news) {
  bool is_first = !std::exchange(has_position_, true);
  ring_.reset(news.position);
  log_read_began_ = instant::min();
  is_warm_ = false;
  resume_lookups();
  if (is_first)
    return;
  for (auto& [connection, generation] : subscribers_)
    if (auto* c = find(connection, generation); c != nullptr && c->state == http_connection::mode::streaming)
      reset_subscriber(*c, news.reason);
  answer_waiters();
}

void http_front_state::apply(const cache_warmed&) {
  is_warm_ = true;
}

} // namespace portcullis
