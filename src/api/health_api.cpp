#include "api/health_api.hpp"

#include "actors/guard.hpp"
#include "http/accept.hpp"
#include "telemetry/exposition.hpp"
#include "telemetry/log.hpp"

#include <caf/io/typed_broker.hpp>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace portcullis::api {

namespace {

namespace json = boost::json;

} // namespace

/// A readiness probe whose checks run one after the other.
struct health_api::probe {
  http::responder to;
  json::object checks;
  std::size_t next = 0;
  bool is_ok = true;
};

health_api::health_api(front_pointer self, http::server& server, health_options options)
  : self_(self), server_(server), options_(std::move(options)), canaries_(options_.staleness_max) {
  add_check({"revocations", [this](auto done) {
               if (log_read_began_ == instant::min())
                 return done("stale");
               auto age = server_.now() - log_read_began_;
               bool is_static = age < options_.staleness_max + options_.fail_static;
               done(age < options_.staleness_max ? "ok" : is_static ? "static" : "stale");
             }});
  add_check({"cache", [this](auto done) { done(is_warm_ ? "ok" : "cold"); }});
  add_source([this](metrics::snapshot& s) {
    server_.add_to(s);
    add_own_to(s);
  });
}

void health_api::add_source(metrics_source_actor source) {
  actors_.push_back(std::move(source));
}

void health_api::add_source(std::function<void(metrics::snapshot&)> source) {
  sources_.push_back(std::move(source));
}

void health_api::add_check(readiness_check check) {
  checks_.insert(checks_.begin(), std::move(check));
}

void health_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<health_api>;
  static constexpr std::array table{
    row{verb::get, "/healthz", "healthz", audience::probe, trait::pipelined, &health_api::healthz},
    row{verb::get, "/readyz", "readyz", audience::probe, trait::none, &health_api::readyz},
    row{verb::get, "/metrics", "metrics", audience::probe, trait::none, &health_api::show_metrics},
  };
  to.add(*this, table);
}

void health_api::healthz(const http::call&, http::responder to) {
  to.json(200, R"({"status":"ok"})");
}

void health_api::readyz(const http::call&, http::responder to) {
  auto p = std::make_shared<probe>();
  p->to = to;
  to.waits_for("the readiness check");
  run_check(p);
}

void health_api::run_check(const std::shared_ptr<probe>& p) {
  if (p->next == checks_.size())
    return answer(*p);
  auto& check = checks_[p->next++];
  check.run([this, p, name = check.name](std::string_view state) {
    p->checks[name] = state;
    p->is_ok = p->is_ok && state == "ok";
    run_check(p);
  });
}

void health_api::answer(const probe& p) const {
  using phase = http::server::phase;
  bool is_stopping = server_.at() == phase::leaving || server_.at() == phase::draining;
  bool is_ready = server_.at() == phase::serving && p.is_ok;
  auto lag_ms = json::value(nullptr);
  if (log_read_began_ != instant::min())
    lag_ms = std::chrono::duration_cast<std::chrono::milliseconds>(server_.now() - log_read_began_).count();
  auto status = is_ready ? "ready" : is_stopping ? "draining" : "unavailable";
  auto body =
    json::serialize(json::value{{"status", status}, {"checks", p.checks}, {"lag", {{"revocations_ms", lag_ms}}}});
  if (is_ready)
    p.to.json(200, body);
  else
    p.to.json(503, body, {{"Retry-After", "1"}});
}

/// OpenMetrics where it is asked for by its name: Prometheus does, and what reads the older form alone does not.
void health_api::show_metrics(const http::call& c, http::responder to) {
  const bool is_open = http::prefers_by_name(http::field_lines{c.request.head, "accept"},
                                             "application/openmetrics-text", "text/plain");
  const auto form = is_open ? metrics::exposition::open_metrics : metrics::exposition::prometheus;
  to.waits_for("somebody's numbers");
  collect([to, form](const metrics::snapshot& numbers) {
    to.answer(200, metrics::content_type(form), metrics::render(numbers, form));
  });
}

void health_api::add_own_to(metrics::snapshot& s) const {
  s.add("portcullis_revocation_events_total", session_events_, {{"kind", "session"}});
  s.add("portcullis_revocation_events_total", account_events_, {{"kind", "account"}});
  s.add("portcullis_revocation_delay_seconds", delay_, {{"stage", "applied"}});
  canaries_.add_to(s);
  s.add("portcullis_log_lines_dropped_total", log::dropped_lines());
  s.add("portcullis_build_info", 1, {{"version", options_.version}});
}

void health_api::collect(const std::function<void(const metrics::snapshot&)>& use) {
  auto numbers = std::make_shared<metrics::snapshot>();
  for (auto& source : sources_)
    source(*numbers);
  collect_from(0, numbers, use);
}

void health_api::collect_from(std::size_t next, const std::shared_ptr<metrics::snapshot>& numbers,
                              const std::function<void(const metrics::snapshot&)>& use) {
  if (next == actors_.size()) {
    metrics::collect_process(*numbers);
    numbers->add("portcullis_metrics_series", numbers->series() + 1);
    return use(*numbers);
  }
  self_->request(actors_[next], caf::infinite, read_numbers{})
    .then(
      [this, next, numbers, use](const all_numbers& theirs) {
        guard("numbers", [&] {
          numbers->append(theirs.snapshot);
          collect_from(next + 1, numbers, use);
        });
      },
      [](const caf::error& err) {
        // Without a handler of its own an error would end the front; the request's deadline answers instead.
        log::warn("numbers are missing", {{"code", to_string(to_failure(err).code)}});
      });
}

void health_api::apply(const log_progress& progress) {
  log_read_began_ = std::max(log_read_began_, progress.read_began);
  for (auto& event : progress.events) {
    if (is_of_canary(event)) {
      canaries_.note(event, server_.now());
      continue;
    }
    ++(event.kind == revocation_kind::session ? session_events_ : account_events_);
    if (event.happened != instant::min())
      delay_.observe(server_.now() - event.happened);
  }
}

void health_api::apply(const epoch_changed&) {
  log_read_began_ = instant::min();
}

void health_api::apply(const cache_warmed&) {
  is_warm_ = true;
}

} // namespace portcullis::api
