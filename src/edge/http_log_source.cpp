#include "edge/http_log_source.hpp"

#include "core/failpoint.hpp"
#include "edge/service_api.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

namespace portcullis::edge {

namespace {

using std::chrono::milliseconds;

/// A long poll that ends sooner and without news is not followed by another in the same wait.
constexpr std::chrono::seconds fruitless_poll_min{1};

/// Where a long poll leaves its outcome. It outlives the source when the source goes while a poll is out.
struct poll_state {
  std::mutex mutex;
  bool is_out = false;
  std::optional<cursor> told; // the position up to which it had news
  log_wakeup bell;
};

class http_source final : public log_source {
public:
  http_source(http_log_source_options options, http_ask ask, http_send send, log_wakeup_ptr wakeup,
              log_position_ptr position)
    : options_(std::move(options)), ask_(std::move(ask)), send_(std::move(send)), wakeup_(std::move(wakeup)),
      position_(std::move(position)) {}

  bool is_open() const override {
    return is_open_;
  }

  /// Nothing to open: the client keeps the connections. What follows tells whether there is a service.
  failure open(instant) override {
    is_open_ = true;
    return {};
  }

  failure position(cursor* out, instant deadline) override;
  failure read(cursor after, log_page* out, instant deadline) override;
  wake wait(std::chrono::nanoseconds timeout) override;

private:
  struct fetched {
    event_page page;
    instant sent{};
    instant heard{};
  };

  result<fetched> fetch(const std::optional<cursor>& after, instant deadline);
  instant as_of(const fetched& got) const;
  void start_poll();
  bool has_news();

  http_log_source_options options_;
  http_ask ask_;
  http_send send_;
  log_wakeup_ptr wakeup_;
  log_position_ptr position_;
  std::shared_ptr<poll_state> poll_ = std::make_shared<poll_state>();
  std::optional<cursor> reached_; // by the last read
  instant poll_began_ = instant::min();
  bool is_open_ = false;
};

result<http_source::fetched> http_source::fetch(const std::optional<cursor>& after, instant deadline) {
  http_request request;
  request.target =
    feed_target(after, after ? options_.page_events_max : 1, std::chrono::seconds{0}) + "&clock=true";
  auto answer = ask_(std::move(request), deadline);
  if (!answer)
    return answer.error();
  if (answer->status != 200)
    return failure{errc::database_unavailable,
                   "the session service answers the feed with " + std::to_string(answer->status)};
  auto page = decode_event_page(answer->body);
  if (!page)
    return page.error();
  return fetched{std::move(*page), answer->sent, options_.now()};
}

/// Everything committed before it is in the page. A log that the service has not read gives no lease.
instant http_source::as_of(const fetched& got) const {
  if (!got.page.age)
    return instant::min();
  auto age = fails(failpoint::lease_log_age) ? milliseconds{0} : *got.page.age;
  return (fails(failpoint::lease_from_read_start) ? options_.now() : got.sent) - age;
}

failure http_source::position(cursor* out, instant deadline) {
  auto got = fetch(std::nullopt, deadline);
  is_open_ = got.has_value();
  if (!got)
    return got.error();
  *out = got->page.position;
  reached_ = *out;
  position_->note(*out);
  return {};
}

failure http_source::read(cursor after, log_page* out, instant deadline) {
  auto got = fetch(after, deadline);
  is_open_ = got.has_value();
  if (!got)
    return got.error();
  out->reset = got->page.reset || got->page.position.epoch != after.epoch;
  if (out->reset)
    return {};
  out->has_more = got->page.events.size() >= options_.page_events_max;
  out->last = got->page.position;
  out->as_of = as_of(*got);
  if (got->page.now)
    out->clock = clock_reading{*got->page.now, got->heard};
  out->events = std::move(got->page.events);
  for (std::size_t i = 0; i < out->events.size(); ++i)
    if (auto& age = got->page.event_ages[i])
      out->events[i].happened = got->sent - *age;
  reached_ = out->last;
  position_->note(out->last); // before anybody hears of the events
  return {};
}

/// Leaves a long poll out unless one is. What it tells is a hint alone.
void http_source::start_poll() {
  if (!is_open_ || !reached_)
    return;
  {
    std::lock_guard<std::mutex> guard{poll_->mutex};
    if (std::exchange(poll_->is_out, true))
      return;
  }
  poll_began_ = boot_clock::now();
  http_request request;
  request.target = feed_target(reached_, 1, options_.poll_wait);
  request.timeout = options_.poll_wait + options_.poll_margin;
  request.is_long_poll = true;
  send_(std::move(request), [state = poll_](const result<http_answer>& answer) {
    auto page = answer && answer->status == 200 ? decode_event_page(answer->body)
                                                : result<event_page>{failure{errc::database_unavailable, ""}};
    std::lock_guard<std::mutex> guard{state->mutex};
    state->is_out = false;
    if (!page)
      return;
    if (page->reset || !page->events.empty())
      state->told = page->position;
    state->bell.notify(); // news, or time for another poll
  });
}

/// Whether the last poll told of something that was not read yet.
bool http_source::has_news() {
  std::lock_guard<std::mutex> guard{poll_->mutex};
  auto told = std::exchange(poll_->told, std::nullopt);
  return told && (!reached_ || told->epoch != reached_->epoch || told->seq > reached_->seq);
}

log_source::wake http_source::wait(std::chrono::nanoseconds timeout) {
  auto until = options_.now() + timeout;
  start_poll();
  for (auto left = timeout;; left = until - options_.now()) {
    std::array<pollfd, 2> watched{};
    watched[0] = {wakeup_->descriptor(), POLLIN, 0};
    watched[1] = {poll_->bell.descriptor(), POLLIN, 0};
    auto ms = std::chrono::ceil<milliseconds>(left).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(ms, 0)));
    bool rang = poll_->bell.consume();
    if (wakeup_->consume())
      return wake::notified;
    if (rang && has_news())
      return wake::hint;
    if (!rang || options_.now() >= until)
      return wake::timeout;
    if (boot_clock::now() - poll_began_ >= fruitless_poll_min)
      start_poll();
  }
}

} // namespace

std::unique_ptr<log_source> make_http_log_source(http_log_source_options options, http_ask ask, http_send send,
                                                 log_wakeup_ptr wakeup, log_position_ptr position) {
  options.page_events_max = std::min(options.page_events_max, feed_limit_max);
  return std::make_unique<http_source>(std::move(options), std::move(ask), std::move(send), std::move(wakeup),
                                       std::move(position));
}

} // namespace portcullis::edge
