#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <utility>

namespace portcullis {

using http::route;

void http_front_state::handle_probe(http_connection& c, http_exchange& x, route to) {
  switch (to) {
  case route::healthz:
    answer_json(c, x, 200, R"({"status":"ok"})");
    break;
  case route::version:
    answer_json(c, x, 200,
                boost::json::serialize(
                  boost::json::value{{"service", options_.service_name}, {"version", options_.version}}));
    break;
  case route::readyz:
    handle_readyz(c, x);
    break;
  default:
    handle_metrics(c, x);
    break;
  }
}

/// The database is asked (within the operation time-out, which the pool keeps); the rest is known here.
void http_front_state::handle_readyz(http_connection& c, http_exchange& x) {
  auto to = ticket_of(c, x);
  self_->request(peers_.log, caf::infinite, store::ping{})
    .then([this, to](const store::ping::result&) { guard("ping", [&] { answer_readiness(to, true); }); },
          [this, to](const caf::error&) { guard("ping", [&] { answer_readiness(to, false); }); });
}

void http_front_state::answer_readiness(const ticket& to, bool database_answers) {
  bool was_log_read = log_read_began_ != instant::min();
  auto lag = was_log_read ? options_.now() - log_read_began_ : std::chrono::nanoseconds::zero();
  bool log_is_fresh = was_log_read && lag < options_.staleness_max;
  auto lag_ms = boost::json::value(nullptr);
  if (was_log_read)
    lag_ms = std::chrono::duration_cast<std::chrono::milliseconds>(lag).count();
  bool is_ready = phase_ == service_phase::serving && database_answers && is_warm_ && log_is_fresh;
  auto status = is_ready ? "ready" : phase_ == service_phase::draining ? "draining" : "unavailable";
  auto database = !database_answers ? "unreachable" : phase_ == service_phase::starting ? "migrating" : "ok";
  auto body = boost::json::serialize(boost::json::value{{"status", status},
                                                        {"checks",
                                                         {{"database", database},
                                                          {"cache", is_warm_ ? "ok" : "cold"},
                                                          {"revocations", log_is_fresh ? "ok" : "stale"}}},
                                                        {"lag", {{"revocations_ms", lag_ms}}}});
  auto* c = find(to);
  auto* x = c != nullptr ? find_exchange(*c, to.exchange) : nullptr;
  if (x == nullptr)
    return;
  std::vector<http::extra_header> retry;
  if (!is_ready)
    retry.push_back({"Retry-After", "1"});
  http::append_response(response_of(*c, *x), context_of(*x), is_ready ? 200 : 503, "application/json", body,
                        retry);
  complete(*c, *x, is_ready ? 200 : 503);
  flush(*c);
}

void http_front_state::handle_metrics(http_connection& c, http_exchange& x) {
  auto to = ticket_of(c, x);
  collect([this, to](const metrics::snapshot& numbers) {
    auto* connection = find(to);
    auto* exchange = connection != nullptr ? find_exchange(*connection, to.exchange) : nullptr;
    if (exchange == nullptr)
      return;
    http::append_response(response_of(*connection, *exchange), context_of(*exchange), 200, metrics::content_type,
                          metrics::render(numbers));
    complete(*connection, *exchange, 200);
    flush(*connection);
  });
}

/// Gathers the numbers of the actors that have some, one after the other.
void http_front_state::collect(std::function<void(const metrics::snapshot&)> use) {
  // Without a handler of its own an error would end the front; the request's deadline answers instead.
  auto fail = [](const caf::error& err) {
    log::warn("numbers are missing", {{"code", to_string(to_failure(err).code)}});
  };
  self_->request(peers_.cache, caf::infinite, read_cache_stats{})
    .then(
      [this, use, fail](const cache_stats& cache) {
        self_->request(peers_.pool, caf::infinite, read_pool_stats{})
          .then(
            [this, use, cache](const pool_stats& pool) {
              guard("metrics", [&] {
                metrics::snapshot numbers;
                add_own_numbers(numbers);
                add_cache_numbers(numbers, cache);
                add_pool_numbers(numbers, pool);
                metrics::collect_process(numbers);
                use(numbers);
              });
            },
            fail);
      },
      fail);
}

caf::result<all_numbers> http_front_state::read_all_numbers() {
  auto promise = self_->make_response_promise<all_numbers>();
  collect([promise](const metrics::snapshot& numbers) mutable { promise.deliver(all_numbers{numbers}); });
  return promise;
}

void http_front_state::add_own_numbers(metrics::snapshot& s) const {
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    auto& numbers = numbers_[i];
    std::string route_name{http::to_string(static_cast<route>(i))};
    for (auto& [status, count] : numbers.by_status)
      s.counter("portcullis_http_requests_total", "Requests answered.", count,
                {{"route", route_name}, {"status", std::to_string(status)}});
    if (numbers.latency.count() > 0)
      s.histogram("portcullis_http_request_duration_seconds", "From the request's last byte to its answer.",
                  numbers.latency, {{"route", route_name}});
  }
  s.gauge("portcullis_http_connections", "Open connections.", connection_count_);
  s.counter("portcullis_http_connections_total", "Connections accepted.", accepted_);
  s.counter("portcullis_http_connections_refused_total", "Connections turned away at the limit.", turned_away_);
  s.counter("portcullis_http_requests_refused_total", "Requests that were no valid HTTP or came too slowly.",
            refused_requests_);
  s.gauge("portcullis_revocation_subscribers", "Streams that follow the feed.", subscriber_count_);
  s.counter("portcullis_revocation_subscribers_cut_total", "Streams cut off because they did not keep up.",
            subscribers_cut_);
  s.gauge("portcullis_revocation_log_position", "The last entry of the revocation log that was read.",
          ring_.last().seq);
}

void http_front_state::add_cache_numbers(metrics::snapshot& s, const cache_stats& cache) {
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
}

void http_front_state::add_pool_numbers(metrics::snapshot& s, const pool_stats& pool) {
  s.gauge("portcullis_db_workers", "Database workers.", pool.workers);
  s.gauge("portcullis_db_connections", "Database workers with a connection.", pool.connected);
  s.gauge("portcullis_db_workers_busy", "Database workers with a batch on its way.", pool.busy);
  s.gauge("portcullis_db_queue", "Operations waiting for a worker.", pool.queued);
  s.counter("portcullis_db_operations_total", "Operations taken in.", pool.operations);
  s.counter("portcullis_db_batches_total", "Round trips.", pool.batches);
  s.counter("portcullis_db_operations_refused_total",
            "Operations turned away: the queue was full or the database away.", pool.refused);
  s.counter("portcullis_db_operations_expired_total", "Operations not answered within the operation time-out.",
            pool.expired);
  s.counter("portcullis_db_operations_retried_total", "Operations run again after a lost connection.",
            pool.retried);
}

} // namespace portcullis
