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
    if (f.name == name)
      return f.samples.at(0).value;
  CAF_FAIL("no metric " << name);
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
  CAF_CHECK(h.sum_seconds() > 21.000'019 && h.sum_seconds() < 21.000'021);
}

CAF_TEST(the buckets rise) {
  CAF_CHECK(std::is_sorted(metrics::latency_bounds_ns.begin(), metrics::latency_bounds_ns.end()));
}

CAF_TEST(counters and gauges are rendered as Prometheus reads them) {
  metrics::snapshot s;
  s.counter("portcullis_requests_total", "Requests answered.", 9'007'199'254'740'991u, {{"route", "/verify"}});
  s.gauge("portcullis_sessions", "Sessions in memory.", 0.5);
  s.counter("portcullis_requests_total", "", 2u, {{"route", "a\"b\\c\nd"}});
  CAF_CHECK_EQUAL(metrics::render(s), "# HELP portcullis_requests_total Requests answered.\n"
                                      "# TYPE portcullis_requests_total counter\n"
                                      "portcullis_requests_total{route=\"/verify\"} 9007199254740991\n"
                                      "portcullis_requests_total{route=\"a\\\"b\\\\c\\nd\"} 2\n"
                                      "# HELP portcullis_sessions Sessions in memory.\n"
                                      "# TYPE portcullis_sessions gauge\n"
                                      "portcullis_sessions 0.5\n");
}

CAF_TEST(histograms are rendered with cumulative buckets in seconds) {
  metrics::histogram h;
  h.observe(10us);
  h.observe(20us);
  h.observe(100ms);
  h.observe(1min);
  metrics::snapshot s;
  s.histogram("portcullis_latency_seconds", "Latency.", h, {{"route", "x"}});
  const std::string text = metrics::render(s);
  for (const char* line : {
         "# TYPE portcullis_latency_seconds histogram\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"1e-05\"} 1\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"2.5e-05\"} 2\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.05\"} 2\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"0.1\"} 3\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"10\"} 3\n",
         "portcullis_latency_seconds_bucket{route=\"x\",le=\"+Inf\"} 4\n",
         "portcullis_latency_seconds_count{route=\"x\"} 4\n",
         "portcullis_latency_seconds_sum{route=\"x\"} 60.10003\n",
       })
    if (text.find(line) == std::string::npos)
      CAF_ERROR("missing " << line << "in " << text);
  CAF_CHECK_EQUAL(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                  metrics::latency_bounds_ns.size() + 5); // every bucket once
}

CAF_TEST(snapshots of several actors make one) {
  metrics::snapshot a;
  a.gauge("workers", "Workers.", 1u, {{"pool", "a"}});
  metrics::snapshot b;
  b.gauge("workers", "Workers.", 2u, {{"pool", "b"}});
  b.counter("errors_total", "Errors.", 3u);
  a.append(b);
  CAF_REQUIRE_EQUAL(a.families().size(), 2u);
  CAF_CHECK_EQUAL(a.families()[0].samples.size(), 2u);
  CAF_CHECK(a.families()[1].kind == metrics::kind::counter);
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
