#include "actors/session_cache.hpp"

#include "core/failpoint.hpp"
#include "core/invariant.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace portcullis {

namespace {

peeked_sessions::knowledge told(session_memory::knowledge known) {
  switch (known) {
  case session_memory::knowledge::active:
    return peeked_sessions::knowledge::active;
  case session_memory::knowledge::revoked:
    return peeked_sessions::knowledge::revoked;
  case session_memory::knowledge::expired:
    return peeked_sessions::knowledge::expired;
  case session_memory::knowledge::unknown:
    return peeked_sessions::knowledge::unknown;
  case session_memory::knowledge::must_load:
    break;
  }
  return peeked_sessions::knowledge::must_load;
}

/// Whether an answer that has seen `has` has seen `wanted`.
bool covers(const std::optional<cursor>& has, const std::optional<cursor>& wanted) {
  return !wanted || (has && has->epoch == wanted->epoch && has->seq >= wanted->seq);
}

constexpr std::string_view load_span = "session cache load";

/// From those who joined a load to the one that they wait for, as far as it is recorded.
tracing::relations links_to(const session_cache_state::load& running) {
  tracing::relations beside;
  if (const auto other = running.asked_by(); other.is_sampled)
    beside.links.push_back(other);
  return beside;
}

metrics::snapshot to_snapshot(const cache_stats& cache) {
  metrics::snapshot s;
  s.add("portcullis_session_cache_entries", cache.entries);
  s.add("portcullis_session_cache_active_entries", cache.active);
  s.add("portcullis_session_cache_bytes", cache.bytes);
  s.add("portcullis_session_cache_unknown_entries", cache.unknown_entries);
  s.add("portcullis_session_cache_loads_in_flight", cache.loads_in_flight);
  s.add("portcullis_session_cache_hits_total", cache.hits);
  s.add("portcullis_session_cache_misses_total", cache.misses);
  s.add("portcullis_session_cache_read_throughs_total", cache.read_throughs);
  s.add("portcullis_session_cache_loads_dropped_total", cache.loads_dropped);
  s.add("portcullis_session_cache_evictions_total", cache.evictions);
  s.add("portcullis_session_cache_loads_total", cache.loads);
  s.add("portcullis_session_cache_loads_shared_total", cache.loads_shared);
  s.add("portcullis_session_cache_loads_refused_total", cache.loads_refused);
  s.add("portcullis_revocation_lease_remaining_seconds", cache.lease_remaining_s);
  s.add("portcullis_revocation_log_age_seconds", cache.lease_age_s);
  return s;
}

} // namespace

void session_cache_state::init(session_cache_options opts) {
  options_ = std::move(opts);
  memory_ = std::make_unique<session_memory>(options_.memory);
  loads_.reserve(options_.loads_max); // it never grows while requests wait
}

// -- look-ups ----------------------------------------------------------------------------------------------

peeked_sessions session_cache_state::peek(const peek_sessions& ask) {
  auto now = options_.now();
  for (auto& lookup : ask.lookups)
    memory_->prefetch(lookup.hash);
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
    const auto held_before = memory_->count().read_throughs;
    answer.known = told(is_memory_enough ? memory_->peek(lookup.hash, now, &answer.record)
                                         : memory_->peek_final(lookup.hash, now));
    answer.was_held = memory_->count().read_throughs != held_before;
  }
  return result;
}

recalled_session session_cache_state::recall(const recall_session& ask) {
  session_record held;
  auto known = told(memory_->recall_by_id(ask.session_id, options_.now(), &held));
  return {known, held.account_id};
}

session_cache_state::load_ptr session_cache_state::find_load(const load_session& ask) {
  auto running = loads_.find(ask.hash);
  bool serves = running != loads_.end() && running->second->began_ > ask.read_after
                && covers(running->second->at_least_, ask.at_least);
  loads_shared_ += serves ? 1 : 0;
  return serves ? running->second : nullptr;
}

session_cache_state::load_ptr session_cache_state::make_load(const load_session& ask) {
  if (loads_in_flight_ >= options_.loads_max) {
    ++loads_refused_;
    return nullptr;
  }
  ++loads_in_flight_;
  ++loads_begun_;
  auto made = std::make_shared<load>();
  made->at_least_ = ask.at_least;
  made->asked_by_ = ask.asked_by;
  made->span_ = tracing::start_child(load_span, tracing::kind::internal, ask.asked_by);
  return loads_[ask.hash] = std::move(made);
}

void session_cache_state::join(const load_ptr& running, const load_session& ask, resolution_promise promise,
                               bool is_first) {
  waiter next{std::move(promise), ask.read_after == instant::min()};
  if (!is_first && ask.asked_by.is_sampled)
    next.span = tracing::start_child(load_span, tracing::kind::internal, ask.asked_by, links_to(*running));
  running->waiting_.push_back(std::move(next));
}

void session_cache_state::begin(const load_ptr& running) {
  running->began_ = options_.now();
  ++running->attempts_;
}

bool session_cache_state::admit(const token_hash& hash, const load_ptr& running,
                                const store::find_session::result& found) {
  switch (memory_->admit(hash, found.status, found.record, running->began_, options_.now())) {
  case session_memory::admission::active:
    answer(hash, running, {session_status::active, found.record});
    return false;
  case session_memory::admission::revoked:
    answer(hash, running, {session_status::revoked, {}});
    return false;
  case session_memory::admission::expired:
    answer(hash, running, {session_status::expired, {}});
    return false;
  case session_memory::admission::unknown:
    answer(hash, running, {session_status::unknown, {}});
    return false;
  case session_memory::admission::retry:
    break;
  }
  if (running->attempts_ < options_.load_attempts_max)
    return true;
  fail(hash, running, to_caf({errc::history_stale, "the session could not be read recently enough"}));
  return false;
}

void session_cache_state::answer(const token_hash& hash, const load_ptr& done, const resolution& with) {
  end(hash, done);
  for (auto& waiting : done->waiting_)
    waiting.promise.deliver(with);
}

void session_cache_state::fail(const token_hash& hash, const load_ptr& done, const caf::error& err) {
  done->span_.fail(to_string(to_failure(err).code));
  end(hash, done);
  auto recalled = to_failure(err).code == errc::database_unavailable ? recall_static(hash) : std::nullopt;
  for (auto& waiting : done->waiting_) {
    if (recalled && waiting.takes_memory)
      waiting.promise.deliver(resolution{session_status::active, *recalled});
    else
      waiting.promise.deliver(err);
  }
}

/// What memory holds as live, though its lease has ended, as long as `fail_static` allows.
std::optional<session_record> session_cache_state::recall_static(const token_hash& hash) {
  if (options_.fail_static.count() == 0)
    return std::nullopt;
  auto now = options_.now();
  if (!memory_->had_lease(now, options_.fail_static)) {
    note_static(false);
    return std::nullopt;
  }
  session_record held;
  if (!memory_->recall(hash, now, &held))
    return std::nullopt;
  note_static(true);
  return held;
}

void session_cache_state::note_static(bool is_static) {
  if (std::exchange(is_static_, is_static) == is_static)
    return;
  auto age_ms =
    std::chrono::duration_cast<std::chrono::milliseconds>(options_.now() - memory_->lease_began()).count();
  if (is_static)
    log::warn("fail-static begins: live sessions go on past the staleness bound, revoked or not",
              {{"log_age_ms", age_ms}});
  else
    log::warn("fail-static ends", {{"log_age_ms", age_ms}});
}

void session_cache_state::end(const token_hash& hash, const load_ptr& done) {
  PORTCULLIS_INVARIANT(loads_in_flight_ > 0);
  --loads_in_flight_;
  done->span_.end();
  if (auto latest = loads_.find(hash); latest != loads_.end() && latest->second == done)
    loads_.erase(latest);
  PORTCULLIS_INVARIANT(loads_.size() <= loads_in_flight_);
}

// -- changes -----------------------------------------------------------------------------------------------

void session_cache_state::apply(const session_minted& mint) {
  auto now = options_.now();
  for (auto& ended : mint.superseded)
    memory_->revoke_session(ended, now);
  memory_->admit_minted(mint.hash, mint.record, mint.began, now);
}

void session_cache_state::apply(const session_revoked& end) {
  memory_->revoke_session(end.session_id, options_.now());
}

void session_cache_state::apply(const account_revoked& end) {
  memory_->forget_account(end.account_id, options_.now());
}

void session_cache_state::apply(const log_progress& news) {
  auto now = options_.now();
  if (news.clock)
    memory_->tell_time(*news.clock);
  for (auto& event : news.events)
    memory_->apply(event, now);
  bool is_complete = news.read_began != instant::min();
  memory_->renew_lease(is_complete && fails(failpoint::lease_from_read_start) ? now : news.read_began);
  if (is_static_ && memory_->has_lease(now))
    note_static(false);
}

void session_cache_state::apply(const epoch_changed& news) {
  note_static(false);
  memory_->reset(news.noticed);
}

void session_cache_state::apply(const warm_sessions& part) {
  auto now = options_.now();
  for (auto& entry : part.entries)
    memory_->admit_minted(entry.hash, entry.record, part.began, now);
}

// -- clean-up ----------------------------------------------------------------------------------------------

std::optional<std::chrono::nanoseconds> session_cache_state::plan_reclaim() {
  if (is_reclaim_planned_ || !memory_->has_garbage())
    return std::nullopt;
  is_reclaim_planned_ = true;
  return options_.reclaim_pause;
}

void session_cache_state::reclaim() {
  is_reclaim_planned_ = false;
  memory_->reclaim(options_.reclaim_steps_max);
}

// -- numbers -----------------------------------------------------------------------------------------------

cache_stats session_cache_state::stats() const {
  auto& count = memory_->count();
  auto& index = memory_->index();
  cache_stats result;
  result.entries = index.size();
  result.active = index.active_size();
  result.bytes = index.bytes();
  result.unknown_entries = memory_->unknown_size();
  result.loads_in_flight = loads_in_flight_;
  result.loads = loads_begun_;
  result.loads_shared = loads_shared_;
  result.loads_refused = loads_refused_;
  result.hits = count.hits;
  result.misses = count.misses;
  result.read_throughs = count.read_throughs;
  result.loads_dropped = count.loads_dropped;
  result.evictions = index.evictions();
  result.lease_age_s = -1;
  if (auto began = memory_->lease_began(); began != instant::min()) {
    auto age = options_.now() - began;
    result.lease_age_s = std::chrono::duration<double>(age).count();
    result.lease_remaining_s =
      std::max(std::chrono::duration<double>(options_.memory.staleness_max - age).count(), 0.0);
  }
  return result;
}

all_numbers session_cache_state::numbers() const {
  return {to_snapshot(stats())};
}

} // namespace portcullis
