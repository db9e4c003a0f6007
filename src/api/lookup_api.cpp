#include "api/lookup_api.hpp"

#include "api/asking.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace portcullis::api {

namespace {

constexpr std::size_t waiting_max = 1000; // requests that wait for the log to reach their cursor

lookup_answer answer_of(session_status status, const session_record& record) {
  switch (status) {
  case session_status::active:
    return {lookup_status::active, record};
  case session_status::revoked:
    return {lookup_status::revoked, {}};
  case session_status::expired:
    return {lookup_status::expired, {}};
  case session_status::unknown:
    break;
  }
  return {};
}

} // namespace

struct lookup_api::batch {
  http::responder to;
  std::vector<token_hash> hashes;
  std::vector<lookup_answer> answers;
  std::size_t open = 0; // loads on their way
  bool has_failed = false;
  // What every answer has, taken before the first of them was asked for.
  cursor position;
  std::chrono::nanoseconds log_age{0};
  instant asked_at{};
  const http::server* clock = nullptr;
};

lookup_api::lookup_api(front_pointer self, http::server& server, session_cache_actor cache,
                       std::chrono::nanoseconds cursor_wait)
  : self_(self), server_(server), cache_(std::move(cache)), cursor_wait_(cursor_wait),
    waiting_(waiting_max, [&server] { return server.now(); }) {}

void lookup_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  static constexpr std::array table{
    http::endpoint<lookup_api>{verb::post, "/api/v1/internal/sessions/lookup", "lookup_sessions",
                               audience::internal, trait::none, &lookup_api::look_up},
  };
  to.add(*this, table);
}

void lookup_api::look_up(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_lookup);
  if (!body)
    return to.problem(body.error());
  auto b = std::make_shared<batch>();
  b->to = to;
  b->hashes = std::move(body->hashes);
  b->clock = &server_;
  to.waits_for("the look-up of the sessions");
  auto began = to.began();
  if (!body->min_cursor)
    return peek(b, instant::min());
  waiting_.wait(*body->min_cursor, began + cursor_wait_, [this, b, began](bool is_reached) {
    if (b->to.is_open())
      peek(b, is_reached ? instant::min() : began);
  });
  time_waiting();
}

/// The cache has applied everything up to the position that the front has heard of, so what it answers now is no
/// older; nor is what the database says to a load that the cache judges.
void lookup_api::peek(const batch_ptr& b, instant read_after) {
  if (!waiting_.position() || log_as_of_ == instant::min())
    return b->to.problem({errc::history_stale, "the revocation log has not been read yet"});
  b->position = *waiting_.position();
  b->asked_at = server_.now();
  b->log_age = b->asked_at - log_as_of_;
  b->answers.resize(b->hashes.size());
  peek_sessions ask;
  ask.lookups.resize(b->hashes.size());
  for (std::size_t i = 0; i < b->hashes.size(); ++i) {
    ask.lookups[i].exchange = i;
    ask.lookups[i].hash = b->hashes[i];
    ask.lookups[i].read_after = read_after;
  }
  self_->request(cache_, caf::infinite, std::move(ask))
    .then([this, b](const peeked_sessions& known) { guard("peeked", [&] { take(b, known); }); },
          [b](const caf::error& err) { guard("peek", [&] { b->to.problem(to_failure(err)); }); });
}

void lookup_api::take(const batch_ptr& b, const peeked_sessions& known) {
  for (auto& found : known.answers) {
    auto& answer = b->answers[found.exchange];
    switch (found.known) {
    case peeked_sessions::knowledge::active:
      answer = answer_of(session_status::active, found.record);
      break;
    case peeked_sessions::knowledge::revoked:
      answer = answer_of(session_status::revoked, found.record);
      break;
    case peeked_sessions::knowledge::expired:
      answer = answer_of(session_status::expired, found.record);
      break;
    case peeked_sessions::knowledge::unknown:
      answer = answer_of(session_status::unknown, found.record);
      break;
    case peeked_sessions::knowledge::must_load:
      ++b->open;
      load(b, found.exchange, {found.hash, found.read_after});
      break;
    }
  }
  if (b->open == 0)
    finish(b);
}

/// Loads that are asked for in one go wait in the pool's queue together and travel in one batch.
void lookup_api::load(const batch_ptr& b, std::size_t index, const load_session& what) {
  self_->request(cache_, caf::infinite, on_behalf_of(b->to, what))
    .then(
      [b, index](const resolution& found) {
        guard("loaded", [&] {
          b->answers[index] = answer_of(found.status, found.record);
          if (--b->open == 0)
            finish(b);
        });
      },
      [b](const caf::error& err) {
        guard("load", [&] {
          --b->open;
          // One answer that cannot be had fails them all: the caller asks again.
          if (!std::exchange(b->has_failed, true))
            b->to.problem(to_failure(err));
        });
      });
}

void lookup_api::finish(const batch_ptr& b) {
  if (b->has_failed)
    return;
  auto age = b->log_age + (b->clock->now() - b->asked_at);
  http::byte_buffer body;
  append_lookup(body, b->answers, b->position, std::chrono::ceil<std::chrono::milliseconds>(age));
  b->to.json(200, {body.data(), body.size()});
}

void lookup_api::apply(const log_progress& progress) {
  log_as_of_ = std::max(log_as_of_, progress.read_began);
  waiting_.reach(progress.position);
}

void lookup_api::apply(const epoch_changed& change) {
  log_as_of_ = instant::min();
  waiting_.reach(change.position);
}

void lookup_api::time_waiting() {
  if (auto delay = waiting_.arm())
    caf::delayed_anon_send(http_front_actor{self_}, *delay, step_atom_v); // see front_state::plan_tick
}

void lookup_api::timer() {
  waiting_.expire();
  time_waiting();
}

} // namespace portcullis::api
