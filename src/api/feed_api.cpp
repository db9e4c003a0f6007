#include "api/feed_api.hpp"

#include "api/asking.hpp"
#include "feed/event_stream.hpp"
#include "http/accept.hpp"
#include "http/query.hpp"

#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::chrono::seconds wait_max{30};

/// Where the follower wants to go on: `Last-Event-ID` (a reconnecting EventSource keeps the URL it was made
/// with, so the header is the newer of the two), else `?cursor=`, else nothing.
result<std::optional<cursor>> wanted_cursor(const http::request& r) {
  const auto last_event_id = http::sole_value(r, http::field::last_event_id);
  if (!last_event_id)
    return last_event_id.error();
  std::string text{*last_event_id};
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
  return std::optional{*parsed};
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

/// `?clock=true`: an edge asks what the database's clock shows.
result<bool> wants_clock(const http::request& r) {
  auto parameter = http::query_parameter(r.query, "clock");
  if (!parameter)
    return parameter.error();
  if (*parameter && **parameter != "true" && **parameter != "false")
    return failure{errc::parameter_malformed, "clock takes true or false"};
  return *parameter == "true";
}

/// Answers a long poll over HTTP.
class json_reply final : public feed::poll_reply {
public:
  using clock = std::function<feed::answer_times()>;

  json_reply(clock times, http::responder to) : times_(std::move(times)), to_(to) {}

  void events(const std::vector<revocation_event>& found, cursor position) override {
    to_.json(200, feed::render_event_page(found, position, false, times_()));
  }

  void reset(cursor position) override {
    to_.json(200, feed::render_event_page({}, position, true, times_()));
  }

  void fail(const failure& why) override {
    to_.problem(why);
  }

  bool is_gone() const override {
    return !to_.is_open();
  }

private:
  clock times_;
  http::responder to_;
};

feed::follower_origin follower_of(const http::call& c) {
  return {std::string{c.from.caller}, std::string{c.from.address}};
}

} // namespace

feed_api::feed_api(front_pointer self, http::server& server, log_store_actor log, const feed::hub_limits& limits)
  : self_(self), server_(server), log_(std::move(log)),
    hub_(
      limits,
      [this](const store::read_events& ask, const std::function<void(feed::page_result)>& then) {
        read_page(ask, then);
      },
      [&server] { return server.now(); }) {}

void feed_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  static constexpr std::array table{
    http::endpoint<feed_api>{verb::get, "/api/v1/internal/revocations", "revocations", audience::internal,
                             trait::none, &feed_api::follow},
  };
  to.add(*this, table);
}

void feed_api::follow(const http::call& c, http::responder to) {
  auto from = wanted_cursor(c.request);
  if (!from)
    return to.problem(from.error());
  if (!hub_.has_position())
    return to.problem({errc::starting, "the revocation log has not been read yet"});
  auto wants_stream = http::prefers_event_stream(c.request);
  if (wants_stream && !to.is_head())
    subscribe(c, to, *from);
  else
    poll(c, to, *from);
}

// -- streams -----------------------------------------------------------------------------------------------

void feed_api::subscribe(const http::call& c, http::responder to, std::optional<cursor> from) {
  if (!hub_.has_room())
    return to.problem({errc::connection_limit, "too many subscribers"});
  if (server_.at() == http::server::phase::draining)
    return to.problem({errc::draining, "the service is stopping"});
  if (!to.is_first())
    return to.problem({errc::request_malformed, "a stream cannot be pipelined behind other requests"});
  auto begins_at = hub_.first_position(from);
  auto which = std::make_shared<feed::hub::subscriber_id>(0);
  auto stream =
    to.open_stream([&](http::byte_buffer& out,
                       const http::response_context& ctx) { feed::append_stream_head(out, ctx, begins_at); },
                   [this, which] { hub_.drained(*which); }, [this, which] { hub_.remove(*which); });
  if (stream)
    *which = hub_.add(std::move(stream), from, follower_of(c));
}

// -- JSON --------------------------------------------------------------------------------------------------

void feed_api::poll(const http::call& c, http::responder to, std::optional<cursor> from) {
  const auto& r = c.request;
  auto page = decode_page(r.query);
  if (!page)
    return to.problem(page.error());
  auto wait = wanted_wait(r);
  if (!wait)
    return to.problem(wait.error());
  auto tells_clock = wants_clock(r);
  if (!tells_clock)
    return to.problem(tells_clock.error());
  to.extend_deadline(*wait);
  to.waits_for("the revocation log");
  hub_.poll(from.value_or(hub_.position()), page->limit, to.began() + *wait,
            std::make_unique<json_reply>([this, tells = *tells_clock] { return times(tells); }, to),
            follower_of(c));
}

feed::answer_times feed_api::times(bool tells_clock) const {
  if (!tells_clock)
    return {hub_.log_age(), std::nullopt, std::nullopt};
  const auto now = server_.now();
  return {hub_.log_age(), clock_.at(now), now};
}

void feed_api::read_page(const store::read_events& ask, const std::function<void(feed::page_result)>& then) {
  self_->request(log_, caf::infinite, ask)
    .then(
      [this, then](const store::read_events::result& page) {
        guard("page", [&] {
          http::server::turn t{server_};
          then(page);
        });
      },
      [this, then](const caf::error& err) {
        guard("page", [&] {
          http::server::turn t{server_};
          then(to_failure(err));
        });
      });
}

// -- the log -----------------------------------------------------------------------------------------------

void feed_api::apply(const log_progress& progress) {
  if (progress.clock)
    clock_.tell(*progress.clock);
  auto as_of = progress.read_began == instant::min() ? std::nullopt : std::optional{progress.read_began};
  if (!progress.events.empty()) {
    publishing_ = tracing::start_span("feed publish", tracing::kind::internal);
    publishing_.set("portcullis.feed.events", static_cast<std::int64_t>(progress.events.size()));
    publishing_.set("portcullis.feed.subscribers", static_cast<std::int64_t>(hub_.count().subscribers));
  }
  hub_.append(progress.events, progress.position, as_of);
  end_publishing();
}

void feed_api::end_publishing() {
  if (!hub_.has_work())
    publishing_ = {};
}

void feed_api::apply(const epoch_changed& change) {
  clock_.forget();
  hub_.start_over(change.position, change.reason);
}

void feed_api::tick() {
  hub_.tick();
}

void feed_api::work() {
  hub_.work();
  end_publishing();
}

bool feed_api::has_work() const {
  return hub_.has_work();
}

void feed_api::stop() {
  hub_.stop();
}

void feed_api::add_to(metrics::snapshot& s) const {
  auto count = hub_.count();
  s.add("portcullis_revocation_subscribers", count.subscribers);
  s.add("portcullis_revocation_long_polls", count.polls);
  s.add("portcullis_revocation_subscribers_cut_total", count.cut);
  s.add("portcullis_revocation_events_delivered_total", count.delivered);
  s.add("portcullis_revocation_delay_seconds", count.delay, {{"stage", "delivered"}});
  s.add("portcullis_revocation_log_position", hub_.position().seq);
}

} // namespace portcullis::api
