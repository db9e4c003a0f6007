#include "telemetry/instruments.hpp"

#include "caf/test/unit_test.hpp"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace metrics = portcullis::metrics;

namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

} // namespace

CAF_TEST(every name is there once) {
  std::set<std::string> names;
  for (const auto& one : metrics::instruments())
    CAF_CHECK(names.insert(std::string{one.name}).second);
  CAF_CHECK(metrics::find_instrument("http_server_request_duration_seconds") != nullptr);
  CAF_CHECK(metrics::find_instrument("portcullis_nothing") == nullptr);
}

CAF_TEST(a name tells its kind and unit) {
  for (const auto& one : metrics::instruments()) {
    CAF_MESSAGE(one.name);
    CAF_CHECK_EQUAL(ends_with(one.name, "_total"), one.kind == metrics::kind::counter);
    if (one.unit == "s")
      CAF_CHECK(one.name.find("_seconds") != std::string_view::npos);
    if (one.unit == "By")
      CAF_CHECK(ends_with(one.name, "_bytes"));
    CAF_CHECK(!one.help.empty());
    if (!one.instead.empty())
      CAF_CHECK_EQUAL(metrics::help_of(one).find("Deprecated"), 0u);
  }
}

CAF_TEST(over OTLP a name has no endings of Prometheus) {
  const auto otlp = [](const char* name) { return metrics::otlp_name(*metrics::find_instrument(name)); };
  CAF_CHECK_EQUAL(otlp("http_server_request_duration_seconds"), "http.server.request.duration");
  CAF_CHECK_EQUAL(otlp("process_cpu_seconds_total"), "process.cpu.time");
  CAF_CHECK_EQUAL(otlp("portcullis_log_lines_dropped_total"), "portcullis.log_lines_dropped");
  CAF_CHECK_EQUAL(otlp("portcullis_session_cache_bytes"), "portcullis.session_cache_bytes");
  CAF_CHECK_EQUAL(otlp("portcullis_revocation_delay_seconds"), "portcullis.revocation_delay");
}

CAF_TEST(the document has the list as it is) {
  std::ifstream file{PORTCULLIS_DOCS "/metrics.md"};
  std::stringstream text;
  text << file.rdbuf();
  const bool is_there = text.str().find(metrics::instruments_markdown()) != std::string::npos;
  if (!is_there)
    CAF_MESSAGE("docs/metrics.md does not hold\n" << metrics::instruments_markdown());
  CAF_CHECK(is_there);
}
