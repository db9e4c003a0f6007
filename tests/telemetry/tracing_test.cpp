#include "telemetry/tracing.hpp"

#include "caf/test/unit_test.hpp"

#include <utility>

using namespace portcullis;
using tracing::kind;

CAF_TEST(while tracing is off a span is nothing) {
  CAF_CHECK(tracing::start({}).code == errc::none);
  tracing::span s = tracing::start_span("GET /verify", kind::server,
                                        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "");
  CAF_CHECK(!s);
  CAF_CHECK(!s.context().is_valid());
  s.set("http.route", "/verify");
  s.set("status", std::int64_t{200});
  s.set("hit", true);
  s.fail("reason");
  s.end();
  tracing::span moved = std::move(s);
  CAF_CHECK(!moved);
  CAF_CHECK(!tracing::point_of(moved).is_sampled);
  tracing::stop();
}

CAF_TEST(a child of what is not sampled is nothing) {
  trace_point asked_by;
  asked_by.trace_id[0] = asked_by.span_id[0] = 1;
  CAF_CHECK(!tracing::start_child("load", kind::internal, asked_by));
  asked_by.is_sampled = true;
  CAF_CHECK(!tracing::start_child("load", kind::internal, asked_by)); // tracing is off
  const auto context = tracing::context_of(asked_by);
  CAF_CHECK(context.is_valid());
  CAF_CHECK_EQUAL(context.flags, 1);
}
