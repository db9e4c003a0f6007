#include "telemetry/tracing.hpp"

#include "caf/test/unit_test.hpp"

#include <string>

namespace tracing = portcullis::tracing;

namespace {

const std::string sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

} // namespace

CAF_TEST(a traceparent is read and written back) {
  const tracing::context c = tracing::parse_context(sound, "vendor=1");
  CAF_REQUIRE(c.is_valid());
  CAF_CHECK_EQUAL(c.trace_id[0], 0x4b);
  CAF_CHECK_EQUAL(c.trace_id[15], 0x36);
  CAF_CHECK_EQUAL(c.span_id[7], 0xb7);
  CAF_CHECK_EQUAL(c.flags, 1);
  CAF_CHECK_EQUAL(c.tracestate, "vendor=1");
  CAF_CHECK_EQUAL(tracing::to_traceparent(c), sound);
  CAF_CHECK_EQUAL(tracing::trace_id_text(c), "4bf92f3577b34da6a3ce929d0e0e4736");
}

CAF_TEST(what the recommendation refuses is no context) {
  for (std::string text : {
         std::string{}, sound.substr(0, 54),
         sound + "-00",                                                          // version 00 has four parts
         sound + "0",                                                            //
         "ff" + sound.substr(2),                                                 // version ff is forbidden
         "0g" + sound.substr(2),                                                 //
         std::string{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}, // upper case
         std::string{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
         std::string{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},
         std::string{"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
         std::string{"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"},
         std::string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01"},
         std::string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"},
         "01" + sound.substr(2) + "x", // what follows must be a part
       })
    if (tracing::parse_context(text, {}).is_valid())
      CAF_ERROR("accepted " << text);
  CAF_CHECK(!tracing::context{}.is_valid());
}

CAF_TEST(a later version is read as far as it is known) {
  CAF_CHECK(tracing::parse_context("01" + sound.substr(2) + "-future", {}).is_valid());
  CAF_CHECK(tracing::parse_context("fe" + sound.substr(2), {}).is_valid());
}

CAF_TEST(a tracestate has a bound) {
  const std::string longest(tracing::tracestate_bytes_max, 'x');
  CAF_CHECK_EQUAL(tracing::parse_context(sound, longest).tracestate, longest);
  const tracing::context c = tracing::parse_context(sound, longest + 'x');
  CAF_CHECK(c.is_valid());
  CAF_CHECK_EQUAL(c.tracestate, "");
}

CAF_TEST(exporters have names) {
  using tracing::exporter;
  for (const exporter e : {exporter::none, exporter::standard_output, exporter::otlp})
    CAF_CHECK(tracing::parse_exporter(to_string(e)) == e);
  CAF_CHECK(!tracing::parse_exporter("OTLP"));
}
