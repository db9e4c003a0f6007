#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"
#include "api/json.hpp"
#include "http/query.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <utility>

/// The routes for operators.
namespace portcullis {

using http::route;

namespace {

namespace json = boost::json;

/// A sweep may take longer than any other request: its caller waits for the end of it, within this.
constexpr std::chrono::minutes sweep_wait_max{10};

json::object to_object(const reaper_run& run) {
  json::object out{
    {"started_at", to_rfc3339(run.started_at)},
    {"took_ms", std::chrono::duration_cast<std::chrono::milliseconds>(run.took).count()},
    {"guests", run.guests},
    {"sessions", run.sessions},
    {"events", run.events},
    {"elsewhere", !run.is_leader},
  };
  if (run.error != errc::none)
    out["error"] = to_string(run.error);
  return out;
}

rendered render_status(const reaper_status& status) {
  json::object out{{"running", status.is_running}, {"next_at", to_rfc3339(status.next_at)}};
  out["current"] = status.current ? json::value(to_object(*status.current)) : json::value(nullptr);
  out["last"] = status.last ? json::value(to_object(*status.last)) : json::value(nullptr);
  return {200, json::serialize(out)};
}

rendered render_run(const reaper_run& run) {
  auto out = to_object(run);
  out["dry_run"] = run.dry_run;
  return {200, json::serialize(out)};
}

json::object to_object(const cache_stats& cache) {
  return {
    {"size", cache.entries}, {"active", cache.active}, {"bytes", cache.bytes},
    {"hits", cache.hits},    {"misses", cache.misses}, {"evictions", cache.evictions},
  };
}

json::object to_object(const pool_stats& pool) {
  return {
    {"workers", pool.workers}, {"connected", pool.connected},   {"busy", pool.busy},
    {"queued", pool.queued},   {"operations", pool.operations}, {"batches", pool.batches},
  };
}

} // namespace

void http_front_state::handle_admin(http_connection& c, http_exchange& x, const http::request& r,
                                    const http::match& m) {
  switch (m.to) {
  case route::admin_accounts:
    return list_accounts(c, x, r);
  case route::admin_stats:
    return read_stats(ticket_of(c, x));
  case route::admin_reaper:
    return ask<reaper_status>(c, x, peers_.reaper, read_reaper_status{}, render_status);
  default:
    return run_sweep(c, x, r);
  }
}

void http_front_state::list_accounts(http_connection& c, http_exchange& x, const http::request& r) {
  auto page = api::decode_page(r.query);
  if (!page)
    return answer_problem(c, x, page.error());
  auto decoded = api::decode_account_filter(r.query);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto& filter = *decoded;
  auto& [limit, after] = *page;
  using listed = store::list_accounts::result;
  ask<listed>(c, x, peers_.accounts,
              store::list_accounts{filter.kind, filter.external_id_prefix, filter.is_guest, filter.created_before,
                                filter.created_after, after, limit},
              [](const listed& l) {
                return rendered{200, api::render_account_page(l.accounts, l.has_more)};
              });
}

void http_front_state::run_sweep(http_connection& c, http_exchange& x, const http::request& r) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_sweep(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  x.deadline = x.began + sweep_wait_max;
  ask<reaper_run>(c, x, peers_.reaper, run_reaper{decoded->dry_run}, render_run);
}

/// What the database counts, then what the actors do.
void http_front_state::read_stats(const ticket& to) {
  auto fail = [this, to](const caf::error& err) { guard("stats", [&] { answer_problem(to, to_failure(err)); }); };
  self_->request(peers_.accounts, caf::infinite, store::count_all{})
    .then(
      [this, to, fail](const store::count_all::result& rows) {
        self_->request(peers_.cache, caf::infinite, read_cache_stats{})
          .then(
            [this, to, fail, rows](const cache_stats& cache) {
              self_->request(peers_.pool, caf::infinite, read_pool_stats{})
                .then(
                  [this, to, rows, cache](const pool_stats& pool) {
                    guard("stats", [&] { answer_json(to, 200, render_stats(rows, cache, pool)); });
                  },
                  fail);
            },
            fail);
      },
      fail);
}

std::string http_front_state::render_stats(const store::count_all::result& rows, const cache_stats& cache,
                                           const pool_stats& pool) const {
  auto feed = has_position_ ? json::value(to_string(ring_.last())) : json::value(nullptr);
  return json::serialize(json::object{
    {"accounts", rows.accounts},
    {"guests", rows.guests},
    {"active_sessions", rows.active_sessions},
    {"cache", to_object(cache)},
    {"feed",
     {
       {"cursor", feed},
       {"lag_s", cache.lease_age_s},
       {"subscribers", subscriber_count_},
     }},
    {"pool", to_object(pool)},
  });
}

} // namespace portcullis
