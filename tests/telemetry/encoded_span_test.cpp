#define CAF_SUITE encoded_span
#include "telemetry/encoded_span.hpp"

#include "caf/test/unit_test.hpp"

#include <array>
#include <map>
#include <opentelemetry/common/key_value_iterable_view.h>
#include <opentelemetry/sdk/common/empty_attributes.h>
#include <opentelemetry/trace/span_context.h>
#include <opentelemetry/trace/trace_state.h>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

using namespace portcullis::tracing;
using namespace std::chrono_literals;

namespace {

namespace api = opentelemetry::trace;
namespace nostd = opentelemetry::nostd;

/// The fields of a message, each as text: a number, or the bytes.
using fields = std::multimap<int, std::string>;

fields read(std::string_view message) {
  fields found;
  for (protozero::pbf_reader r{message.data(), message.size()}; r.next();) {
    const auto number = static_cast<int>(r.tag());
    switch (r.wire_type()) {
    case protozero::pbf_wire_type::varint:
      found.emplace(number, std::to_string(r.get_int64()));
      break;
    case protozero::pbf_wire_type::fixed64:
      found.emplace(number, std::to_string(r.get_fixed64()));
      break;
    case protozero::pbf_wire_type::fixed32:
      found.emplace(number, std::to_string(r.get_fixed32()));
      break;
    default:
      found.emplace(number, r.get_string());
      break;
    }
  }
  return found;
}

std::vector<std::string> all(const fields& in, int number) {
  std::vector<std::string> values;
  for (auto [at, end] = in.equal_range(number); at != end; ++at)
    values.push_back(at->second);
  return values;
}

/// Nothing if there is none; fails if there are several.
std::string one(const fields& in, int number) {
  const auto values = all(in, number);
  CAF_CHECK_LESS_OR_EQUAL(values.size(), 1u);
  return values.empty() ? "" : values.front();
}

/// The value of an attribute: the number of its kind in `AnyValue`, and what is in there.
std::pair<int, std::string> value_of(const std::string& attribute) {
  const auto value = read(one(read(attribute), 2));
  CAF_REQUIRE_EQUAL(value.size(), 1u);
  return *value.begin();
}

std::map<std::string, std::pair<int, std::string>> attributes(const fields& span, int number = 9) {
  std::map<std::string, std::pair<int, std::string>> found;
  for (const std::string& each : all(span, number))
    found.emplace(one(read(each), 1), value_of(each));
  return found;
}

const std::array<std::uint8_t, 16> trace_bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const std::array<std::uint8_t, 8> span_bytes{21, 22, 23, 24, 25, 26, 27, 28};
const std::array<std::uint8_t, 8> parent_bytes{31, 32, 33, 34, 35, 36, 37, 38};

api::SpanContext context(const std::string& state = "") {
  return {api::TraceId{trace_bytes}, api::SpanId{span_bytes}, api::TraceFlags{1}, false,
          api::TraceState::FromHeader(state)};
}

template <std::size_t Size>
std::string text(const std::array<std::uint8_t, Size>& bytes) {
  return {bytes.begin(), bytes.end()};
}

} // namespace

CAF_TEST(what a span is and when it was) {
  encoded_span s;
  s.SetIdentity(context("vendor=1"), api::SpanId{parent_bytes});
  s.SetTraceFlags(api::TraceFlags{1});
  s.SetName("GET /livez");
  s.SetSpanKind(api::SpanKind::kServer);
  s.SetStartTime(opentelemetry::common::SystemTimestamp{std::chrono::system_clock::time_point{1000s}});
  s.SetDuration(5ms);
  const fields span = read(s.bytes());
  CAF_CHECK_EQUAL(one(span, 1), text(trace_bytes));
  CAF_CHECK_EQUAL(one(span, 2), text(span_bytes));
  CAF_CHECK_EQUAL(one(span, 3), "vendor=1");
  CAF_CHECK_EQUAL(one(span, 4), text(parent_bytes));
  CAF_CHECK_EQUAL(one(span, 5), "GET /livez");
  CAF_CHECK_EQUAL(one(span, 6), "2");
  CAF_CHECK_EQUAL(one(span, 7), "1000000000000");
  CAF_CHECK_EQUAL(one(span, 8), "1000005000000");
  CAF_CHECK_EQUAL(one(span, 16), "1");
  CAF_CHECK_EQUAL(span.size(), 9u);
}

CAF_TEST(a span that begins a trace has neither a parent nor a state) {
  encoded_span s;
  s.SetIdentity(context(), api::SpanId{});
  CAF_CHECK_EQUAL(read(s.bytes()).size(), 2u);
}

CAF_TEST(attributes keep their kinds) {
  const std::string long_text(5'000, 'x'); // longer than the buffer is at first
  const bool flags[] = {true, false};
  encoded_span s;
  s.SetAttribute("text", "GET");
  s.SetAttribute("nothing", nostd::string_view{});
  s.SetAttribute("long", nostd::string_view{long_text});
  s.SetAttribute("yes", true);
  s.SetAttribute("status", std::int64_t{503});
  s.SetAttribute("below", std::int64_t{-1});
  s.SetAttribute("half", 0.5);
  s.SetAttribute("several", nostd::span<const bool>{flags});
  const auto found = attributes(read(s.bytes()));
  const auto is = [&found](const char* key, int kind, const std::string& value) {
    CAF_CHECK_EQUAL(found.at(key).first, kind);
    CAF_CHECK_EQUAL(found.at(key).second, value);
  };
  CAF_REQUIRE_EQUAL(found.size(), 8u);
  is("text", 1, "GET");
  is("nothing", 1, "");
  is("long", 1, long_text);
  is("yes", 2, "1");
  is("status", 3, "503");
  is("below", 3, "-1");
  is("half", 4, std::to_string(0x3fe0000000000000));
  CAF_CHECK_EQUAL(found.at("several").first, 5);
  CAF_CHECK_EQUAL(all(read(found.at("several").second), 1).size(), 2u);
}

CAF_TEST(links and events and what failed) {
  const std::map<std::string, std::string> more{{"a", "1"}, {"b", "2"}};
  const opentelemetry::common::KeyValueIterableView<std::map<std::string, std::string>> both{more};
  encoded_span s;
  s.AddLink(context("vendor=2"), opentelemetry::sdk::GetEmptyAttributes());
  s.AddLink(context(), both);
  s.AddEvent("retry", opentelemetry::common::SystemTimestamp{std::chrono::system_clock::time_point{7ns}}, both);
  s.SetStatus(api::StatusCode::kError, "away");
  const fields span = read(s.bytes());
  const auto links = all(span, 13);
  CAF_REQUIRE_EQUAL(links.size(), 2u);
  CAF_CHECK_EQUAL(one(read(links[0]), 1), text(trace_bytes));
  CAF_CHECK_EQUAL(one(read(links[0]), 2), text(span_bytes));
  CAF_CHECK_EQUAL(one(read(links[0]), 3), "vendor=2");
  CAF_CHECK_EQUAL(attributes(read(links[1]), 4).size(), 2u);
  const fields event = read(one(span, 11));
  CAF_CHECK_EQUAL(one(event, 1), "7");
  CAF_CHECK_EQUAL(one(event, 2), "retry");
  const auto of_event = attributes(event, 3);
  CAF_CHECK_EQUAL(of_event.at("b").second, "2");
  const fields status = read(one(span, 15));
  CAF_CHECK_EQUAL(one(status, 2), "away");
  CAF_CHECK_EQUAL(one(status, 3), "2");
}

CAF_TEST(a record that is used again holds nothing of before) {
  encoded_span s;
  s.SetName("before");
  s.SetStartTime(opentelemetry::common::SystemTimestamp{std::chrono::system_clock::time_point{1s}});
  s.clear();
  CAF_CHECK(s.bytes().empty());
  s.SetDuration(2ns);
  CAF_CHECK_EQUAL(one(read(s.bytes()), 8), "2");
}

CAF_TEST(a request holds the process once and every span) {
  const auto resource = opentelemetry::sdk::resource::Resource::Create({{"service.name", "own"}});
  const auto scope = opentelemetry::sdk::instrumentationscope::InstrumentationScope::Create("portcullis", "1.2");
  span_request request{resource, *scope, 2};
  for (const char* name : {"first", "second", "third"}) {
    encoded_span s;
    s.SetName(name);
    request.add(s);
  }
  const auto body = request.finish();
  const fields of_process = read(one(read(body.view()), 1));
  const auto resource_attributes = attributes(read(one(of_process, 1)), 1);
  CAF_CHECK_EQUAL(resource_attributes.at("service.name").second, "own");
  const fields spans = read(one(of_process, 2));
  CAF_CHECK_EQUAL(one(read(one(spans, 1)), 1), "portcullis");
  CAF_CHECK_EQUAL(one(read(one(spans, 1)), 2), "1.2");
  CAF_REQUIRE_EQUAL(all(spans, 2).size(), 3u);
  CAF_CHECK_EQUAL(one(read(all(spans, 2)[2]), 5), "third");
}
