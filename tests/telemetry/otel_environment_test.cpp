#include "telemetry/otel_environment.hpp"

#include "caf/test/unit_test.hpp"

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace tracing = portcullis::tracing;

namespace {

tracing::otel_environment read(const std::map<std::string, std::string>& variables) {
  return tracing::read_otel_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view{} : std::string_view{found->second};
  });
}

} // namespace

CAF_TEST(without variables everything is sampled as the caller says) {
  const auto env = read({});
  CAF_CHECK(!env.is_disabled);
  CAF_CHECK(env.sampler == tracing::root_sampler::always_on);
  CAF_CHECK(env.follows_parent);
  CAF_CHECK(env.unusable.empty());
}

CAF_TEST(samplers by their standard names) {
  CAF_CHECK(read({{"OTEL_TRACES_SAMPLER", "always_off"}}).sampler == tracing::root_sampler::always_off);
  CAF_CHECK(!read({{"OTEL_TRACES_SAMPLER", "always_off"}}).follows_parent);
  CAF_CHECK(read({{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}}).follows_parent);
  const auto env =
    read({{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.01"}});
  CAF_CHECK(env.sampler == tracing::root_sampler::ratio);
  CAF_CHECK_EQUAL(env.ratio, 0.01);
  CAF_CHECK_EQUAL(read({{"OTEL_TRACES_SAMPLER", "traceidratio"}}).ratio, 1.0);
}

CAF_TEST(limits and intervals) {
  const auto env = read({{"OTEL_SDK_DISABLED", "TRUE"},
                         {"OTEL_BSP_SCHEDULE_DELAY", "250"},
                         {"OTEL_BSP_MAX_QUEUE_SIZE", "100"},
                         {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000"},
                         {"OTEL_BLRP_SCHEDULE_DELAY", "300"},
                         {"OTEL_BLRP_MAX_QUEUE_SIZE", "10"},
                         {"OTEL_METRIC_EXPORT_INTERVAL", "60000"}});
  CAF_CHECK(env.is_disabled);
  CAF_CHECK_EQUAL(env.schedule_delay, 250ms);
  CAF_CHECK_EQUAL(env.queue_spans_max, 100u);
  CAF_CHECK_EQUAL(env.batch_spans_max, 100u);
  CAF_CHECK_EQUAL(env.metrics_interval, 60s);
  CAF_CHECK_EQUAL(env.records_delay, 300ms);
  CAF_CHECK_EQUAL(env.queue_records_max, 10u);
}

CAF_TEST(limits of a span) {
  CAF_CHECK_EQUAL(read({}).limits.attributes_max, 128u);
  CAF_CHECK_EQUAL(read({}).limits.links_max, tracing::span_limits::none);
  const auto limits = read({{"OTEL_ATTRIBUTE_COUNT_LIMIT", "7"},
                            {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"},
                            {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"},
                            {"OTEL_SPAN_LINK_COUNT_LIMIT", "3"}})
                        .limits;
  CAF_CHECK_EQUAL(limits.attributes_max, 0u);
  CAF_CHECK_EQUAL(limits.value_bytes_max, 9u);
  CAF_CHECK_EQUAL(limits.links_max, 3u);
}

CAF_TEST(attributes of the process) {
  using tracing::text_pairs;
  CAF_CHECK(read({{"OTEL_RESOURCE_ATTRIBUTES", " a = x%20y ,b="}}).resource
            == (text_pairs{{"a", "x y"}, {"b", ""}}));
  for (const char* wrong : {"a=1,b", "=1", "a=%zz", "a=%ff"}) {
    const auto env = read({{"OTEL_RESOURCE_ATTRIBUTES", wrong}});
    CAF_CHECK(env.resource.empty());
    CAF_CHECK_EQUAL(env.unusable, std::vector<std::string>{"OTEL_RESOURCE_ATTRIBUTES"});
  }
}

CAF_TEST(what is neither true nor false is false and named) {
  for (const char* neither : {"1", "yes", "on"}) {
    const auto env = read({{"OTEL_SDK_DISABLED", neither}});
    CAF_CHECK(!env.is_disabled);
    CAF_CHECK_EQUAL(env.unusable, std::vector<std::string>{"OTEL_SDK_DISABLED"});
  }
  CAF_CHECK(read({{"OTEL_SDK_DISABLED", "False"}}).unusable.empty());
}

CAF_TEST(a value that cannot be used is named and the default stands) {
  const auto env = read({{"OTEL_TRACES_SAMPLER", "jaeger_remote"},
                         {"OTEL_BSP_SCHEDULE_DELAY", "0"},
                         {"OTEL_BSP_MAX_QUEUE_SIZE", "many"},
                         {"OTEL_METRIC_EXPORT_INTERVAL", "-1"}});
  const std::vector<std::string> expected{"OTEL_TRACES_SAMPLER", "OTEL_BSP_SCHEDULE_DELAY",
                                          "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_METRIC_EXPORT_INTERVAL"};
  CAF_CHECK_EQUAL(env.unusable, expected);
  CAF_CHECK_EQUAL(env.schedule_delay, 1s);
  const auto ratio = read({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}});
  CAF_CHECK_EQUAL(ratio.unusable, std::vector<std::string>{"OTEL_TRACES_SAMPLER_ARG"});
}

CAF_TEST(the document lists the variables that are honoured) {
  std::ifstream file{PORTCULLIS_DOCS "/operations.md"};
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const std::regex row{"\\| `(OTEL_\\w+)` \\|"};
  std::vector<std::string> listed;
  for (std::sregex_iterator it{document.begin(), document.end(), row}, end; it != end; ++it)
    listed.push_back((*it)[1]);
  const auto& honoured = tracing::honoured_variables();
  CAF_CHECK_EQUAL(listed, std::vector<std::string>(honoured.begin(), honoured.end()));
}
