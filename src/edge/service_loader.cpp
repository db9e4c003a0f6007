#include "edge/service_loader.hpp"

#include "core/failpoint.hpp"
#include "edge/service_api.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace portcullis::edge {

namespace {

failure failure_of(int status) {
  if (status == 401 || status == 403)
    return {errc::database_unavailable, "the session service does not let this edge look sessions up"};
  return {errc::database_unavailable, "the session service cannot look the session up"};
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
  return waiting_.size() < options.waiting_max;
}

void service_loader_state::add(miss what) {
  waiting_.push_back(std::move(what));
  send_waiting();
}

void service_loader_state::send_waiting() {
  while (!waiting_.empty() && out_.size() < options.batches_out_max) {
    auto size = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), options.batch_max));
    auto id = ++last_batch_;
    auto& batch = out_[id];
    std::move(waiting_.begin(), waiting_.begin() + size, std::back_inserter(batch));
    waiting_.erase(waiting_.begin(), waiting_.begin() + size);
    std::vector<token_hash> hashes;
    hashes.reserve(batch.size());
    for (auto& one : batch)
      hashes.push_back(one.hash);
    send(id, std::move(hashes));
  }
}

void service_loader_state::answered(const lookup_answered& news) {
  auto found = out_.find(news.batch);
  if (found == out_.end())
    return;
  auto batch = std::move(found->second);
  out_.erase(found);
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
                      loader = caf::actor_cast<caf::weak_actor_ptr>(self)](std::uint64_t batch,
                                                                           std::vector<token_hash> hashes) {
    // The position is taken now, after the cache stamped each of these loads.
    auto at_least = fails(failpoint::lookup_min_cursor) ? std::nullopt : position->get();
    http_request ask;
    ask.target = lookup_target;
    ask.body = render_lookup(hashes, at_least);
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
      state.add({ask.hash, promise});
      return promise;
    },
    [self](const lookup_answered& news) { self->state.answered(news); },
  };
}

} // namespace portcullis::edge
