#include "api/admin_api.hpp"

#include "api/asking.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <chrono>
#include <utility>

namespace portcullis::api {

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
    {"audit", run.audit},
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
  return {200, json::serialize(out), {}};
}

rendered render_run(const reaper_run& run) {
  auto out = to_object(run);
  out["dry_run"] = run.dry_run;
  return {200, json::serialize(out), {}};
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

/// For the audit: that these were shown to an operator.
store::record_audit shown(const std::vector<account>& accounts, const audit_origin& from) {
  store::record_audit out;
  for (const auto& a : accounts)
    out.notes.push_back({audit_action::account_read, a.account_id, {}, from});
  return out;
}

} // namespace

void admin_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<admin_api>;
  static constexpr std::array table{
    row{verb::get, "/api/v1/admin/accounts", "admin_accounts", audience::admin, trait::none,
        &admin_api::list_accounts},
    row{verb::get, "/api/v1/admin/audit", "admin_audit", audience::admin, trait::none, &admin_api::list_audit},
    row{verb::get, "/api/v1/admin/stats", "admin_stats", audience::admin, trait::none, &admin_api::show_stats},
    row{verb::get, "/api/v1/admin/reaper", "admin_reaper", audience::admin, trait::none, &admin_api::show_reaper},
    row{verb::post, "/api/v1/admin/reaper/run", "admin_run_reaper", audience::admin, trait::change,
        &admin_api::run_reaper},
  };
  to.add(*this, table);
}

void admin_api::list_accounts(const http::call& c, http::responder to) {
  auto page = decode_page(c.request.query);
  if (!page)
    return to.problem(page.error());
  auto filter = decode_account_filter(c.request.query);
  if (!filter)
    return to.problem(filter.error());
  to.waits_for("the search");
  store::list_accounts search{filter->kind,
                              filter->external_id_prefix,
                              filter->is_guest,
                              filter->created_before,
                              filter->created_after,
                              page->after,
                              page->limit};
  self_->request(peers_.accounts, caf::infinite, std::move(search))
    .then(
      [this, to, from = origin_of(c, to, http::audience::admin)](const store::list_accounts::result& found) {
        guard("accounts", [&] {
          record(to, shown(found.accounts, from),
                 [to, body = render_account_page(found.accounts, found.has_more)] { to.json(200, body); });
        });
      },
      [to](const caf::error& err) { guard("accounts", [&] { to.problem(to_failure(err)); }); });
}

/// Nothing is told or done before it is in the audit.
void admin_api::record(http::responder to, store::record_audit order, std::function<void()> then) {
  if (order.notes.empty())
    return then();
  to.waits_for("the audit");
  self_->request(peers_.accounts, caf::infinite, std::move(order))
    .then([then = std::move(then)](const store::record_audit::result&) { guard("recorded", then); },
          [to](const caf::error& err) { guard("record", [&] { to.problem(to_failure(err)); }); });
}

void admin_api::list_audit(const http::call& c, http::responder to) {
  auto page = decode_page(c.request.query);
  if (!page)
    return to.problem(page.error());
  auto filter = decode_audit_filter(c.request.query);
  if (!filter)
    return to.problem(filter.error());
  using listed = store::list_audit::result;
  ask<listed>(self_, to, "the search", peers_.accounts,
              store::list_audit{filter->account_id, std::move(filter->caller), filter->action, filter->since,
                                filter->until, page->after, page->limit},
              [](const listed& l) {
                return rendered{200, render_audit_page(l.events, l.has_more), {}};
              });
}

/// What the database counts, then what the actors do.
void admin_api::show_stats(const http::call&, http::responder to) {
  to.waits_for("counting");
  auto fail = [to](const caf::error& err) { guard("stats", [&] { to.problem(to_failure(err)); }); };
  self_->request(peers_.accounts, caf::infinite, store::count_all{})
    .then(
      [this, to, fail](const store::count_all::result& rows) {
        self_->request(peers_.cache, caf::infinite, read_cache_stats{})
          .then(
            [this, to, fail, rows](const cache_stats& cache) {
              self_->request(peers_.pool, caf::infinite, read_pool_stats{})
                .then(
                  [this, to, rows, cache](const pool_stats& pool) {
                    guard("stats", [&] { to.json(200, render_stats(rows, cache, pool)); });
                  },
                  fail);
            },
            fail);
      },
      fail);
}

std::string admin_api::render_stats(const store::count_all::result& rows, const cache_stats& cache,
                                    const pool_stats& pool) const {
  auto position = hub_.has_position() ? json::value(to_string(hub_.position())) : json::value(nullptr);
  return json::serialize(json::object{
    {"accounts", rows.accounts},
    {"guests", rows.guests},
    {"active_sessions", rows.active_sessions},
    {"estimated", rows.is_estimated},
    {"cache", to_object(cache)},
    {"feed",
     {
       {"cursor", position},
       {"lag_s", cache.lease_age_s},
       {"subscribers", hub_.count().subscribers},
     }},
    {"pool", to_object(pool)},
  });
}

void admin_api::show_reaper(const http::call&, http::responder to) {
  ask<reaper_status>(self_, to, "the sweep", peers_.reaper, read_reaper_status{}, render_status);
}

void admin_api::run_reaper(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_sweep);
  if (!body)
    return to.problem(body.error());
  to.extend_deadline(sweep_wait_max);
  const auto from = origin_of(c, to, http::audience::admin);
  store::record_audit order;
  if (!body->dry_run)
    order.notes.push_back({audit_action::reaper_run, std::nullopt, {}, from});
  record(to, std::move(order), [this, to, from, is_dry = body->dry_run] {
    ask<reaper_run>(self_, to, "the sweep", peers_.reaper, portcullis::run_reaper{is_dry, from}, render_run);
  });
}

} // namespace portcullis::api
