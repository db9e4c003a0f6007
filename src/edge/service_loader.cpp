#include "edge/service_loader.hpp"

#include "actors/mailbox.hpp"
#include "core/failpoint.hpp"
#include "edge/service_api.hpp"
#include "telemetry/tracing.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace portcullis::edge {

namespace {

failure failure_of(int status) {
  if (status == 401 || status == 403)
    return {errc::database_unavailable, "the session service does not let this edge look sessions up"};
  return {errc::database_unavailable, "the session service cannot look the session up"};
}

/// What an answer must have seen to have seen both. Of two histories neither says where the other is, so it is a
/// position that no log reaches: the service then asks the database, which is never behind.
std::optional<cursor> later(const std::optional<cursor>& a, const std::optional<cursor>& b) {
  if (!a || !b)
    return a ? a : b;
  if (a->epoch != b->epoch)
    return cursor{b->epoch, std::numeric_limits<std::uint64_t>::max()};
  return a->seq > b->seq ? a : b;
}

/// Everything that was committed before `staleness_max` ago is in the answer, or it is not used: however long it
/// lay in a socket, and whatever the replica had read.
lookup_answered judge(std::uint64_t batch, const std::vector<token_hash>& hashes,
                      const result<http_answer>& answer, const service_loader_options& options) {
  if (!answer)
    return {batch, {}, answer.error()};
  if (answer->status != 200)
    return {batch, {}, failure_of(answer->status)};
  auto page = decode_lookup(answer->body, hashes);
  if (!page)
    return {batch, {}, page.error()};
  if (!page->age || options.now() - (answer->sent - *page->age) >= options.staleness_max)
    return {batch, {}, {errc::history_stale, "the session service has not read the revocation log for too long"}};
  return {batch, std::move(page->results), {}};
}

} // namespace

bool service_loader_state::has_room() const noexcept {
  return plain_.waiting.size() + awaited_.waiting.size() < options.waiting_max;
}

void service_loader_state::add(miss what) {
  lane_of(what).waiting.push_back(std::move(what));
  send_waiting();
}

service_loader_state::lane& service_loader_state::lane_of(const miss& what) noexcept {
  return what.at_least ? awaited_ : plain_;
}

/// Those in front that one request can serve: with a cursor, those of one history.
std::vector<service_loader_state::miss> service_loader_state::take_batch(lane& from) const {
  std::vector<miss> batch;
  auto belongs = [&](const miss& next) {
    auto& first = batch.front().at_least;
    return !first || first->epoch == next.at_least->epoch;
  };
  while (!from.waiting.empty() && batch.size() < options.batch_max
         && (batch.empty() || belongs(from.waiting.front()))) {
    batch.push_back(std::move(from.waiting.front()));
    from.waiting.pop_front();
  }
  return batch;
}

/// Those that are recorded; without any, one that is not, so that the service does not record its part either.
std::vector<trace_point> service_loader_state::askers_of(const std::vector<miss>& batch) {
  std::vector<trace_point> askers;
  for (auto& one : batch)
    if (one.asked_by.is_sampled)
      askers.push_back(one.asked_by);
  if (!askers.empty() || !tracing::is_on())
    return askers;
  auto known = std::find_if(batch.begin(), batch.end(),
                            [](const miss& one) { return tracing::context_of(one.asked_by).is_valid(); });
  askers.push_back(known != batch.end() ? known->asked_by : tracing::unrecorded_root());
  return askers;
}

void service_loader_state::send_waiting(lane& from, std::size_t out_max) {
  while (!from.waiting.empty() && from.out < out_max) {
    auto batch = take_batch(from);
    std::optional<cursor> at_least;
    std::vector<token_hash> hashes;
    hashes.reserve(batch.size());
    for (auto& one : batch) {
      hashes.push_back(one.hash);
      at_least = later(one.at_least, at_least);
    }
    auto asked_by = askers_of(batch);
    auto id = ++last_batch_;
    out_.emplace(id, std::move(batch));
    ++from.out;
    send(id, std::move(hashes), at_least, std::move(asked_by));
  }
}

void service_loader_state::send_waiting() {
  send_waiting(plain_, options.batches_out_max);
  send_waiting(awaited_, options.awaited_out_max);
}

void service_loader_state::answered(const lookup_answered& news) {
  auto found = out_.find(news.batch);
  if (found == out_.end())
    return;
  auto batch = std::move(found->second);
  out_.erase(found);
  --lane_of(batch.front()).out;
  send_waiting();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (news.error.code != errc::none)
      batch[i].answer.deliver(to_caf(news.error));
    else
      batch[i].answer.deliver(news.results[i]);
  }
}

service_loader_actor::behavior_type service_loader(
  service_loader_actor::stateful_pointer<service_loader_state> self, service_loader_options options,
  http_send http, log_position_ptr position) {
  self->state.options = options;
  self->state.send = [options, http = std::move(http), position = std::move(position),
                      loader = caf::actor_cast<caf::weak_actor_ptr>(self)](
                       std::uint64_t batch, std::vector<token_hash> hashes, const std::optional<cursor>& wanted,
                       std::vector<trace_point> asked_by) {
    // The position is taken now, after the cache stamped each of these loads.
    auto at_least = fails(failpoint::lookup_min_cursor) ? std::nullopt : later(wanted, position->get());
    http_request ask;
    ask.target = lookup_target;
    ask.body = render_lookup(hashes, at_least);
    ask.asked_by = std::move(asked_by);
    http(std::move(ask), [options, loader, batch, hashes = std::move(hashes)](const result<http_answer>& answer) {
      if (auto to = caf::actor_cast<caf::strong_actor_ptr>(loader))
        caf::anon_send(caf::actor_cast<service_loader_actor>(to), judge(batch, hashes, answer, options));
    });
  };
  return {
    [self](const store::find_session& ask) -> caf::result<store::find_session::result> {
      auto& state = self->state;
      if (!state.has_room())
        return to_caf({errc::overloaded, "too many sessions are being looked up"});
      auto promise = self->make_response_promise<store::find_session::result>();
      state.add({ask.hash, ask.at_least, promise, ask.asked_by});
      return promise;
    },
    [self](const lookup_answered& news) { self->state.answered(news); },
    tells_mailbox(self),
  };
}

} // namespace portcullis::edge
