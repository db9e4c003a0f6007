#include "telemetry/otel_environment.hpp"
#include "telemetry/tracing.hpp"

#include "otlp_collector.hpp"

#include "caf/test/unit_test.hpp"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

using namespace portcullis;
using namespace std::chrono_literals;
using tracing::exporter;
using tracing::kind;

namespace {

const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string sampled = "00-" + trace_id + "-00f067aa0ba902b7-01";
const std::string unsampled = "00-" + trace_id + "-00f067aa0ba902b7-00";

// Takes what is written to the standard output for a scope, which outlives the export.
struct stdout_capture {
  stdout_capture() : saved{std::cout.rdbuf(text.rdbuf())} {}
  ~stdout_capture() {
    tracing::stop();
    std::cout.rdbuf(saved);
  }
  stdout_capture(const stdout_capture&) = delete;
  stdout_capture& operator=(const stdout_capture&) = delete;

  std::ostringstream text;
  std::streambuf* saved;
};

tracing::options to(exporter traces, exporter metrics = exporter::none) {
  tracing::options o;
  o.service_name = "portcullis-test";
  o.service_version = "1.2.3";
  o.traces = traces;
  o.metrics = metrics;
  ::setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000", 1); // what is exported comes from the start and the stop
  o.collect = [] {
    metrics::snapshot s;
    s.add("portcullis_edge_requests_total", 42, {{"http.route", "/verify"}});
    s.add("portcullis_session_cache_bytes", 7.5);
    s.add("db_client_connection_max", 25);
    s.add("portcullis_db_queue", 3); // an old name: it is on /metrics alone
    metrics::histogram h;
    h.observe(20us);
    h.observe(11s);
    s.add("http_server_request_duration_seconds", h);
    return s;
  };
  return o;
}

// The exported text of the spans that `work` makes.
template <class Work>
std::string exported(Work work) {
  stdout_capture capture;
  CAF_REQUIRE(tracing::start(to(exporter::standard_output)).code == errc::none);
  work();
  tracing::stop();
  return capture.text.str();
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++found;
  return found;
}

} // namespace

CAF_TEST(a span continues the trace of its request) {
  tracing::context own;
  const std::string text = exported([&] {
    tracing::span s = tracing::start_span("GET /verify", kind::server, sampled, "vendor=1");
    s.set("http.route", "/verify");
    s.set("http.response.status_code", std::int64_t{503});
    s.set("hit", true);
    s.fail("database away");
    own = s.context();
    s.end();
    CAF_CHECK(!s);
  });
  CAF_CHECK_EQUAL(tracing::trace_id_text(own), trace_id);
  CAF_CHECK_NOT_EQUAL(span_id_text(own), "00f067aa0ba902b7");
  CAF_CHECK_EQUAL(own.flags, 1);
  CAF_CHECK_EQUAL(own.tracestate, "vendor=1");
  for (const char* part :
       {"name          : GET /verify\n", "trace_id      : 4bf92f3577b34da6a3ce929d0e0e4736\n",
        "parent_span_id: 00f067aa0ba902b7\n", "tracestate    : vendor=1\n", "span kind     : Server\n",
        "status        : Error\n", "description   : database away\n", "http.route: /verify\n",
        "http.response.status_code: 503\n", "hit: ", "service.name: portcullis-test\n",
        "service.version: 1.2.3\n"})
    if (!holds(text, part))
      CAF_ERROR("missing " << part << "in " << text);
  CAF_CHECK(holds(text, "span_id       : " + span_id_text(own) + "\n"));
}

CAF_TEST(a child made on another thread belongs to its parent) {
  tracing::context parent;
  tracing::context child;
  const std::string text = exported([&] {
    tracing::span root = tracing::start_span("root", kind::server);
    parent = root.context();
    std::thread{[&] {
      tracing::span s = tracing::start_span("child", kind::client, parent);
      child = s.context();
    }}.join();
  });
  CAF_CHECK(parent.is_valid());
  CAF_CHECK(child.trace_id == parent.trace_id);
  CAF_CHECK_EQUAL(count(text, "trace_id      : " + tracing::trace_id_text(parent)), 2u);
  CAF_CHECK(holds(text, "parent_span_id: " + span_id_text(parent)));
  CAF_CHECK(holds(text, "parent_span_id: 0000000000000000"));
}

CAF_TEST(a trace that its caller does not record is continued unrecorded) {
  const std::string text = exported([&] {
    const tracing::span s = tracing::start_span("unrecorded", kind::server, unsampled, "");
    CAF_CHECK(s);
    CAF_CHECK_EQUAL(tracing::trace_id_text(s.context()), trace_id);
    CAF_CHECK_EQUAL(s.context().flags, 0);
    const tracing::span child = tracing::start_span("its child", kind::internal, s.context());
    CAF_CHECK_EQUAL(child.context().flags, 0);
  });
  CAF_CHECK_EQUAL(text, "");
}

CAF_TEST(a malformed traceparent begins a trace) {
  const std::string text = exported([&] {
    const tracing::span s = tracing::start_span("x", kind::server, "00-garbage", "");
    CAF_CHECK(s.context().is_valid());
  });
  CAF_CHECK(holds(text, "parent_span_id: 0000000000000000"));
}

CAF_TEST(a span ends when its handle goes or takes another) {
  const std::string text = exported([&] {
    tracing::span s = tracing::start_span("first", kind::internal);
    s = tracing::start_span("second", kind::internal);
    tracing::span moved = std::move(s);
    CAF_CHECK(!s);
    CAF_CHECK(moved);
  });
  CAF_CHECK_EQUAL(count(text, "name          : first\n"), 1u);
  CAF_CHECK_EQUAL(count(text, "name          : second\n"), 1u);
}

CAF_TEST(a span that outlives the export is harmless) {
  tracing::span late;
  exported([&] { late = tracing::start_span("late", kind::internal); });
  late.set("key", "value");
  late.end();
  CAF_CHECK(!tracing::start_span("after", kind::internal));
}

CAF_TEST(metrics are exported with their kinds and labels) {
  stdout_capture capture;
  CAF_REQUIRE(tracing::start(to(exporter::none, exporter::standard_output)).code == errc::none);
  CAF_CHECK(!tracing::start_span("no traces", kind::internal));
  tracing::stop();
  const std::string text = capture.text.str();
  for (const char* part :
       {"instrument name	: portcullis.edge_requests\n", "SumPointData\n", ": 42\n", "http.route: /verify\n",
        "instrument name	: portcullis.session_cache_bytes\n", "unit		: By\n",
        "LastValuePointData\n", ": 7.5\n", "instrument name	: db.client.connection.max\n",
        "unit		: {connection}\n", "instrument name	: http.server.request.duration\n",
        "unit		: s\n", "count     : 2\n", "[1e-05, 2.5e-05, 5e-05,",
        "counts     : [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, ]"})
    if (!holds(text, part))
      CAF_ERROR("missing " << part << " in " << text);
  CAF_CHECK(!holds(text, "db_queue"));
}

CAF_TEST(OTLP goes where the standard variable says) {
  ::setenv("no_proxy", "127.0.0.1", 1);
  const std::string raw_trace_id = "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36";
  bool has_trace = false;
  bool has_metrics = false;
  // What is sent has a second, in which a machine that stands still sends nothing: then it is sent anew.
  bool is_late = true;
  for (int attempt = 0; attempt < 5 && is_late && !(has_trace && has_metrics); ++attempt) {
    const auto began = std::chrono::steady_clock::now();
    otlp_collector collector;
    ::setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().c_str(), 1);
    CAF_REQUIRE(tracing::start(to(exporter::otlp, exporter::otlp)).code == errc::none);
    tracing::start_span("GET /verify", kind::server, sampled, "").end();
    tracing::stop();
    is_late = std::chrono::steady_clock::now() - began > tracing::export_timeout;
    for (const otlp_collector::post& p : collector.finish()) {
      CAF_CHECK(holds(p.head, "application/x-protobuf"));
      CAF_CHECK(holds(p.body, "portcullis-test"));
      has_trace = has_trace || (p.path == "/v1/traces" && holds(p.body, raw_trace_id));
      has_metrics = has_metrics || (p.path == "/v1/metrics" && holds(p.body, "portcullis.edge_requests"));
    }
  }
  CAF_CHECK(has_trace);
  CAF_CHECK(has_metrics);
}

CAF_TEST(the export ends although nobody listens and more is made than fits) {
  ::setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", 1);
  CAF_REQUIRE(tracing::start(to(exporter::otlp, exporter::otlp)).code == errc::none);
  for (std::size_t i = 0; i < 2 * tracing::otel_environment{}.queue_spans_max; ++i)
    tracing::start_span("flood", kind::internal).end();
  tracing::stop();
  CAF_CHECK(!tracing::start_span("after", kind::internal));
}
