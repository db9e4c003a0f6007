#include "actors/session_cache.hpp"

#include "core/failpoint.hpp"

#include <caf/io/typed_broker.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <utility>

namespace portcullis {

void session_cache_state::init(session_cache_options opts) {
  options = std::move(opts);
  memory = std::make_unique<session_memory>(options.memory);
}

peeked_sessions session_cache_state::peek(const peek_sessions& ask) {
  using known = peeked_sessions::verdict;
  auto now = options.now();
  peeked_sessions result;
  result.answers.reserve(ask.lookups.size());
  for (auto& lookup : ask.lookups) {
    auto& answer = result.answers.emplace_back();
    answer.exchange = lookup.exchange;
    answer.hash = lookup.hash;
    answer.read_after = lookup.read_after;
    answer.connection = lookup.connection;
    answer.generation = lookup.generation;
    answer.purpose = lookup.purpose;
    bool is_memory_enough = lookup.read_after == instant::min();
    switch (is_memory_enough ? memory->peek(lookup.hash, now, &answer.record)
                             : memory->peek_final(lookup.hash, now)) {
    case session_memory::verdict::active:
      answer.known = known::active;
      break;
    case session_memory::verdict::revoked:
      answer.known = known::revoked;
      break;
    case session_memory::verdict::unknown:
      answer.known = known::unknown;
      break;
    case session_memory::verdict::must_load:
      answer.known = known::must_load;
      break;
    }
  }
  return result;
}

void session_cache_state::answer(const token_hash& hash, const load_ptr& done, const resolution& with) {
  end(hash, done);
  for (auto& promise : done->waiting)
    promise.deliver(with);
}

void session_cache_state::fail(const token_hash& hash, const load_ptr& done, const caf::error& err) {
  end(hash, done);
  for (auto& promise : done->waiting)
    promise.deliver(err);
}

void session_cache_state::end(const token_hash& hash, const load_ptr& done) {
  --loads_in_flight;
  if (auto latest = loads.find(hash); latest != loads.end() && latest->second == done)
    loads.erase(latest);
}

void session_cache_state::apply(const log_progress& news) {
  auto now = options.now();
  for (auto& event : news.events)
    memory->apply(event, now);
  bool is_complete = news.read_began != instant::min();
  memory->renew_lease(is_complete && fails(failpoint::lease_from_read_start) ? now : news.read_began);
}

void session_cache_state::warm(const warm_sessions& part) {
  auto now = options.now();
  for (auto& entry : part.entries)
    memory->admit_minted(entry.hash, entry.record, part.began, now);
}

cache_stats session_cache_state::stats() const {
  auto& count = memory->count();
  auto& index = memory->index();
  cache_stats result;
  result.entries = index.size();
  result.active = index.active_size();
  result.bytes = index.bytes();
  result.unknown_entries = memory->unknown_size();
  result.loads_in_flight = loads_in_flight;
  result.hits = count.hits;
  result.misses = count.misses;
  result.read_throughs = count.read_throughs;
  result.loads_dropped = count.loads_dropped;
  result.evictions = index.evictions();
  auto began = memory->lease_began();
  result.lease_age_s =
    began == instant::min() ? -1.0 : std::chrono::duration<double>(options.now() - began).count();
  return result;
}

namespace {

metrics::snapshot to_snapshot(const cache_stats& cache) {
  metrics::snapshot s;
  s.gauge("portcullis_session_cache_entries", "Sessions held in memory, the revoked ones included.",
          cache.entries);
  s.gauge("portcullis_session_cache_active_entries", "Active sessions held in memory.", cache.active);
  s.gauge("portcullis_session_cache_bytes", "Memory held by the session index.", cache.bytes);
  s.gauge("portcullis_session_cache_unknown_entries", "Tokens remembered as never minted.", cache.unknown_entries);
  s.gauge("portcullis_session_cache_loads_in_flight", "Sessions being read from the database.",
          cache.loads_in_flight);
  s.counter("portcullis_session_cache_hits_total", "Look-ups answered from memory.", cache.hits);
  s.counter("portcullis_session_cache_misses_total", "Look-ups of tokens that were not held.", cache.misses);
  s.counter("portcullis_session_cache_read_throughs_total",
            "Look-ups of held tokens that went to the database because the log was not read recently enough.",
            cache.read_throughs);
  s.counter("portcullis_session_cache_loads_dropped_total", "Loads that a revocation overtook.",
            cache.loads_dropped);
  s.counter("portcullis_session_cache_evictions_total", "Entries dropped at the bound.", cache.evictions);
  s.gauge("portcullis_revocation_log_age_seconds",
          "Since the last successful read of the revocation log began; -1 before the first.", cache.lease_age_s);
  return s;
}

/// Sends the load of `hash` on its way. What comes back is admitted, or, overtaken, asked for again.
template <class Self>
void start_load(Self* self, const session_loader_actor& loader, const token_hash& hash,
                const session_cache_state::load_ptr& what) {
  auto began = self->state.options.now();
  what->began = began;
  // The pool answers every request within the operation time-out, so none is set here: CAF could not cancel it.
  self->request(loader, caf::infinite, store::find_session{hash})
    .then(
      [=](const store::find_session::result& found) {
        auto& state = self->state;
        switch (state.memory->admit(hash, found.status, found.record, began, state.options.now())) {
        case session_memory::admission::active:
          state.answer(hash, what, {session_status::active, found.record});
          break;
        case session_memory::admission::revoked:
          state.answer(hash, what, {session_status::revoked, {}});
          break;
        case session_memory::admission::unknown:
          state.answer(hash, what, {session_status::unknown, {}});
          break;
        case session_memory::admission::retry:
          if (++what->attempts <= state.options.load_attempts_max)
            start_load(self, loader, hash, what);
          else
            state.fail(hash, what, to_caf({errc::history_stale, "the session could not be read recently enough"}));
          break;
        }
      },
      [=](const caf::error& err) { self->state.fail(hash, what, err); });
}

template <class Self>
caf::result<resolution> load(Self* self, const session_loader_actor& loader, const load_session& ask) {
  auto& state = self->state;
  auto running = state.loads.find(ask.hash);
  bool joins = running != state.loads.end() && running->second->began > ask.read_after;
  if (!joins && state.loads_in_flight >= state.options.loads_max)
    return to_caf({errc::overloaded, "too many sessions are being looked up"});
  auto promise = self->template make_response_promise<resolution>();
  if (joins) {
    running->second->waiting.push_back(promise);
    return promise;
  }
  auto what = std::make_shared<session_cache_state::load>();
  what->waiting.push_back(promise);
  state.loads[ask.hash] = what;
  ++state.loads_in_flight;
  start_load(self, loader, ask.hash, what);
  return promise;
}

template <class Self>
session_cache_actor::behavior_type behave(Self* self, session_cache_options options,
                                          const session_loader_actor& loader) {
  self->state.init(std::move(options));
  return {
    [self](const session_minted& mint) {
      auto& state = self->state;
      state.memory->admit_minted(mint.hash, mint.record, mint.began, state.options.now());
      return applied{};
    },
    [self](const session_revoked& end) {
      self->state.memory->revoke_session(end.session_id, self->state.options.now());
      return applied{};
    },
    [self](const account_revoked& end) {
      self->state.memory->forget_account(end.account_id, self->state.options.now());
      return applied{};
    },
    [self](const log_progress& news) {
      self->state.apply(news);
      return applied{};
    },
    [self](const epoch_changed& news) {
      self->state.memory->reset(news.noticed);
      return applied{};
    },
    [](const cache_warmed&) {
      // Memory needs no word of it: a session that is not held is loaded, warm or not.
      return applied{};
    },
    [self](const peek_sessions& ask) { return self->state.peek(ask); },
    [self, loader](const load_session& ask) { return load(self, loader, ask); },
    [self](const warm_sessions& part) {
      self->state.warm(part);
      return applied{};
    },
    [self](const read_cache_stats&) { return self->state.stats(); },
    [self](const read_numbers&) { return all_numbers{to_snapshot(self->state.stats())}; },
  };
}

} // namespace

session_cache_actor::behavior_type session_cache(
  session_cache_actor::stateful_broker_pointer<session_cache_state> self, session_cache_options options,
  session_loader_actor loader) {
  return behave(self, std::move(options), loader);
}

session_cache_actor::behavior_type scheduled_session_cache(
  session_cache_actor::stateful_pointer<session_cache_state> self, session_cache_options options,
  session_loader_actor loader) {
  return behave(self, std::move(options), loader);
}

} // namespace portcullis
