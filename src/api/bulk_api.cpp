#include "api/bulk_api.hpp"

#include "api/asking.hpp"
#include "api/bulk_json.hpp"
#include "http/server/server.hpp"

#include <array>
#include <string>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::string_view path_of_jobs = "/api/v1/admin/revocations/";

/// Counting looks at every session; its caller waits for the end of it, within this.
constexpr std::chrono::minutes count_wait_max{10};

constexpr std::size_t honour_waiting_max = 1'000;

} // namespace

bulk_api::bulk_api(front_pointer self, http::server& server, bulk_revoker_actor jobs)
  : self_(self), jobs_(std::move(jobs)), honoured_(honour_waiting_max, [&server] { return server.now(); }) {}

void bulk_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<bulk_api>;
  static constexpr std::array table{
    row{verb::post, "/api/v1/admin/revocations", "admin_revoke", audience::admin, trait::change,
        &bulk_api::revoke},
    row{verb::get, "/api/v1/admin/revocations/{job_id}", "admin_revocation", audience::admin, trait::none,
        &bulk_api::show},
  };
  to.add(*this, table);
}

void bulk_api::revoke(const http::call& c, http::responder to) {
  auto body = decode_body(c.request, decode_bulk_revocation);
  if (!body)
    return to.problem(body.error());
  if (body->dry_run) {
    to.extend_deadline(count_wait_max);
    return ask<revocation_counts>(self_, to, "the count", jobs_, count_bulk_revocation{std::move(body->selects)},
                                  [](const revocation_counts& counts) {
                                    return rendered{200, render_counts(counts), {}};
                                  });
  }
  store::revocation_cause cause{std::move(body->reason), std::string{http::to_string(http::audience::admin)}};
  to.waits_for("the job");
  self_
    ->request(
      jobs_, caf::infinite,
      order_bulk_revocation{std::move(body->selects), std::move(cause), origin_of(c, to, http::audience::admin)})
    .then(
      [to](const revocation_job& job) {
        guard("reply", [&] {
          const auto location = std::string{path_of_jobs} + to_string(job.job_id);
          to.json(202, render_accepted(job), {{"Location", location}});
        });
      },
      [to](const caf::error& err) { guard("error", [&] { to.problem(to_failure(err)); }); });
}

void bulk_api::show(const http::call& c, http::responder to) {
  auto id = decode_id(c.params[0]);
  if (!id)
    return to.problem(id.error());
  to.waits_for("the job");
  self_->request(jobs_, caf::infinite, store::get_revocation_job{*id})
    .then([this, to](const revocation_job& job) { guard("reply", [&] { show_when_honoured(job, to); }); },
          [to](const caf::error& err) { guard("error", [&] { to.problem(to_failure(err)); }); });
}

void bulk_api::show_when_honoured(const revocation_job& job, http::responder to) {
  auto answer = [to, job] { guard("reply", [&] { send(to, {200, render_job(job), job.position}); }); };
  const auto here = honoured_.position();
  // Another epoch's cursor: what memory had from before it is gone, or the database is asked.
  if (!job.position || (here && here->epoch != job.position->epoch))
    return answer();
  to.waits_for("the revocation log");
  honoured_.wait(*job.position, to.deadline(), [to, answer](bool is_reached) {
    if (is_reached)
      return answer();
    guard("reply", [&] { to.problem({errc::history_stale, "the log was not read as far as the job has come"}); });
  });
}

} // namespace portcullis::api
