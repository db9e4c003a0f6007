#include "telemetry/exposition.hpp"
#include "telemetry/metrics.hpp"

#include "caf/test/unit_test.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace metrics = portcullis::metrics;

namespace {

double value_of(const metrics::snapshot& s, std::string_view name) {
  for (const metrics::family& f : s.families())
    if (f.what->name == name)
      return f.samples.at(0).value;
  CAF_FAIL("no metric " << name);
}

using metrics::kind;
constexpr metrics::instrument requests{"portcullis_requests_total", "", kind::counter, "1",
                                       "Requests \"answered\".",    ""};
constexpr metrics::instrument sessions{"portcullis_sessions", "", kind::gauge, "1", "Sessions in memory.", ""};
constexpr metrics::instrument latency{"portcullis_latency_seconds", "", kind::histogram, "s", "Latency.", ""};
constexpr metrics::instrument held{"portcullis_held_bytes", "", kind::up_down, "By", "Bytes.", ""};
constexpr metrics::instrument old{
  "portcullis_sessions_total", "", kind::counter, "1", "Gone soon.", "something_else"};

void expect_lines(const std::string& text, std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    const bool is_there = text.find(std::string{line} + '\n') != std::string::npos;
    if (!is_there)
      CAF_MESSAGE("missing " << line << " in " << text);
    CAF_CHECK(is_there);
  }
}

} // namespace

CAF_TEST(an observation falls into the first bucket that it does not exceed) {
  metrics::histogram h;
  h.observe(0ns);
  h.observe(10us);
  h.observe(10us + 1ns);
  h.observe(10s);
  h.observe(11s);
  h.observe(-5s); // a clock that went back
  CAF_CHECK_EQUAL(h.counts()[0], 3u);
  CAF_CHECK_EQUAL(h.counts()[1], 1u);
  CAF_CHECK_EQUAL(h.counts()[metrics::latency_bounds_ns.size() - 1], 1u);
  CAF_CHECK_EQUAL(h.counts()[metrics::latency_bounds_ns.size()], 1u);
  CAF_CHECK_EQUAL(h.count(), 6u);
  CAF_CHECK(h.sum() > 21.000'019 && h.sum() < 21.000'021);
}

CAF_TEST(the buckets rise) {
  CAF_CHECK(std::is_sorted(metrics::latency_bounds_ns.begin(), metrics::latency_bounds_ns.end()));
}

CAF_TEST(things are counted in buckets of powers of two) {
  metrics::histogram h{metrics::histogram::scale::count};
  h.observe_count(1);
  h.observe_count(2);
  h.observe_count(3);
  h.observe_count(1'000'000);
  CAF_CHECK_EQUAL(h.counts()[0], 1u);
  CAF_CHECK_EQUAL(h.counts()[1], 1u);
  CAF_CHECK_EQUAL(h.counts()[2], 1u);
  CAF_CHECK_EQUAL(h.counts().back(), 1u);
  CAF_CHECK_EQUAL(h.sum(), 1'000'006.0);
  CAF_CHECK_EQUAL(h.bound(2), 4.0);
}

CAF_TEST(counters and gauges are rendered as Prometheus reads them) {
  metrics::snapshot s;
  s.add(requests, 9'007'199'254'740'991u, {{"http.route", "/verify"}});
  s.add(sessions, 0.5);
  s.add(requests, 2u, {{"http.route", "a\"b\\c\nd"}});
  CAF_CHECK_EQUAL(metrics::render(s), "# HELP portcullis_requests_total Requests \"answered\".\n"
                                      "# TYPE portcullis_requests_total counter\n"
                                      "portcullis_requests_total{http_route=\"/verify\"} 9007199254740991\n"
                                      "portcullis_requests_total{http_route=\"a\\\"b\\\\c\\nd\"} 2\n"
                                      "# HELP portcullis_sessions Sessions in memory.\n"
                                      "# TYPE portcullis_sessions gauge\n"
                                      "portcullis_sessions 0.5\n");
}

CAF_TEST(OpenMetrics has units and bare names of counters and an end) {
  metrics::snapshot s;
  s.add(requests, 3u);
  s.add(held, 5u);
  CAF_CHECK_EQUAL(metrics::render(s, metrics::exposition::open_metrics),
                  "# HELP portcullis_requests Requests \\\"answered\\\".\n"
                  "# TYPE portcullis_requests counter\n"
                  "portcullis_requests_total 3\n"
                  "# HELP portcullis_held_bytes Bytes.\n"
                  "# TYPE portcullis_held_bytes gauge\n"
                  "# UNIT portcullis_held_bytes bytes\n"
                  "portcullis_held_bytes 5\n"
                  "# EOF\n");
}

CAF_TEST(an old counter that clashes with another name is of unknown kind in OpenMetrics) {
  metrics::snapshot s;
  s.add(sessions, 1u);
  s.add(old, 2u);
  expect_lines(metrics::render(s, metrics::exposition::open_metrics),
               {"# TYPE portcullis_sessions gauge", "# TYPE portcullis_sessions_total unknown",
                "portcullis_sessions_total 2"});
  expect_lines(metrics::render(s), {"# TYPE portcullis_sessions_total counter",
                                    "# HELP portcullis_sessions_total Deprecated, gone with the next release: use "
                                    "something_else. Gone soon."});
}

CAF_TEST(histograms are rendered with cumulative buckets in seconds) {
  metrics::histogram h;
  h.observe(10us);
  h.observe(20us);
  h.observe(100ms);
  h.observe(1min);
  metrics::snapshot s;
  s.add(latency, h, {{"route", "x"}});
  const std::string text = metrics::render(s);
  expect_lines(text, {"# TYPE portcullis_latency_seconds histogram",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"1e-05\"} 1",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"2.5e-05\"} 2",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.0001\"} 2",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.0005\"} 2",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.05\"} 2",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.1\"} 3",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"10.0\"} 3",
                      "portcullis_latency_seconds_bucket{route=\"x\",le=\"+Inf\"} 4",
                      "portcullis_latency_seconds_count{route=\"x\"} 4",
                      "portcullis_latency_seconds_sum{route=\"x\"} 60.10003"});
  CAF_CHECK_EQUAL(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                  metrics::latency_bounds_ns.size() + 5); // every bucket once
  CAF_CHECK_EQUAL(s.series(), metrics::latency_bounds_ns.size() + 3);
}

CAF_TEST(exemplars are for OpenMetrics alone) {
  metrics::histogram h;
  h.observe(15us);
  metrics::exemplars seen(h.counts().size());
  seen[1].trace_id = {{0xAB}};
  seen[1].span_id = {{0xCD}};
  seen[1].value = 1.5e-05;
  seen[1].at = portcullis::timestamp{1'700'000'000'500'000us};
  metrics::snapshot s;
  s.add(latency, h, {}, seen);
  expect_lines(
    metrics::render(s, metrics::exposition::open_metrics),
    {"portcullis_latency_seconds_bucket{le=\"1e-05\"} 0",
     "portcullis_latency_seconds_bucket{le=\"2.5e-05\"} 1 # "
     "{trace_id=\"ab000000000000000000000000000000\",span_id=\"cd00000000000000\"} 1.5e-05 1700000000.5"});
  CAF_CHECK_EQUAL(metrics::render(s).find("trace_id"), std::string::npos);
}

CAF_TEST(snapshots of several actors make one) {
  metrics::snapshot a;
  a.add(sessions, 1u, {{"pool", "a"}});
  metrics::snapshot b;
  b.add(sessions, 2u, {{"pool", "b"}});
  b.add(requests, 3u);
  a.append(b);
  CAF_REQUIRE_EQUAL(a.families().size(), 2u);
  CAF_CHECK_EQUAL(a.families()[0].samples.size(), 2u);
  CAF_CHECK(a.families()[1].what->kind == metrics::kind::counter);
}

CAF_TEST(nothing is rendered as nothing) {
  CAF_CHECK_EQUAL(metrics::render({}), "");
}

CAF_TEST(the process tells of itself) {
  metrics::snapshot s;
  metrics::collect_process(s);
  CAF_CHECK(value_of(s, "process_cpu_seconds_total") > 0);
  CAF_CHECK(value_of(s, "process_open_fds") >= 3);
  CAF_CHECK(value_of(s, "process_max_fds") >= value_of(s, "process_open_fds"));
  CAF_CHECK(value_of(s, "process_threads") >= 1);
  CAF_CHECK(value_of(s, "process_resident_memory_bytes") > 100'000);
  CAF_CHECK(value_of(s, "process_virtual_memory_bytes") > value_of(s, "process_resident_memory_bytes"));
  const auto now = std::chrono::duration<double>{std::chrono::system_clock::now().time_since_epoch()}.count();
  const double started = value_of(s, "process_start_time_seconds");
  CAF_CHECK(started <= now && started > now - 3600);
}
