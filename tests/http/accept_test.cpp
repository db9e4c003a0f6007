#include "http/accept.hpp"

#include "caf/test/unit_test.hpp"

#include <string>
#include <vector>

using namespace portcullis;
using namespace portcullis::http;

namespace {

std::string section(const std::vector<std::string_view>& lines) {
  std::string text = "Host: a\r\n";
  for (const auto line : lines)
    text.append("aCCept: ").append(line).append("\r\n");
  return text + "Accept-Language: text/event-stream\r\n";
}

/// In thousandths, so that the table holds whole numbers.
int quality(const std::vector<std::string_view>& lines, std::string_view media_type) {
  const auto text = section(lines);
  return static_cast<int>(quality_of({text, "Accept"}, media_type) * 1000 + 0.5);
}

bool streams(const std::vector<std::string_view>& lines) {
  const auto text = section(lines);
  return prefers_event_stream(field_lines{text, "Accept"});
}

} // namespace

CAF_TEST(weights are read as RFC 9110 has them) {
  struct row {
    std::vector<std::string_view> lines;
    int stream;
    int json;
  };
  const row rows[]{
    {{}, 1000, 1000}, // no Accept: everything
    {{""}, 0, 0},     // an empty one: nothing
    {{"text/event-stream"}, 1000, 0},
    {{"TEXT/Event-Stream"}, 1000, 0},
    {{"text/event-stream;q=0.5"}, 500, 0},
    {{"text/event-stream ; Q=0.125"}, 125, 0},
    {{"text/event-stream;q=1.000"}, 1000, 0},
    {{"text/event-stream;q=1."}, 1000, 0},
    {{"text/event-stream;q=0."}, 0, 0},
    {{"text/event-stream;q=0.001"}, 1, 0},
    {{"text/event-stream;q=0"}, 0, 0},
    {{"*/*"}, 1000, 1000},
    {{"*/*;q=0.1"}, 100, 100},
    {{"text/*;q=0.3, */*;q=0.1"}, 300, 100},
    {{"text/*;q=0.3, */*;q=0.1, text/event-stream;q=0"}, 0, 100}, // the exact type before the wildcards
    {{"text/event-stream;q=0.2, text/*"}, 200, 0},
    {{"*/*, text/*;q=0"}, 0, 1000},
    {{"application/*;q=0.4,text/html"}, 0, 400},
    {{"application/json", "text/event-stream;q=0.9"}, 900, 1000},
    {{"text/html,", ",text/event-stream,,"}, 1000, 0}, // empty elements
    {{"text/event-stream;charset=utf-8"}, 1000, 0},
    {{"text/event-stream;v=2;q=0.5, text/event-stream;q=0.1"}, 100, 0}, // the bare type before a variant
    {{"text/event-stream;v=2;q=0.5, text/*;q=0.1"}, 500, 0},
    {{"text/event-stream;a=\"x,;q=0\";q=0.7"}, 700, 0}, // a quoted string hides its commas and semicolons
    {{"text/event-stream;a=\"\\\",\";q=0.6"}, 600, 0},
    {{"text/event-stream;q=0.3;level=1"}, 300, 0},
    {{"text/event-stream;q=0.3, text/event-stream;q=0.6"}, 600, 0},
  };
  for (const auto& [lines, stream, json] : rows) {
    CAF_MESSAGE(section(lines));
    CAF_CHECK_EQUAL(quality(lines, "text/event-stream"), stream);
    CAF_CHECK_EQUAL(quality(lines, "application/json"), json);
  }
}

CAF_TEST(an element that is malformed is passed over) {
  for (const std::string_view element : {"text/event-stream;q=2",
                                         "text/event-stream;q=-1",
                                         "text/event-stream;q=0.1234",
                                         "text/event-stream;q=1.001",
                                         "text/event-stream;q=.5",
                                         "text/event-stream;q=",
                                         "text/event-stream;q",
                                         "text/event-stream;q=0,5",
                                         "text/event-stream;q = 0.5",
                                         "text/event-stream;a=\"b",
                                         "text/event-stream;a=\"b\"c",
                                         "text/event-stream x",
                                         "text/event-streams",
                                         "xtext/event-stream",
                                         "text/event-strea",
                                         "text",
                                         "/",
                                         "*",
                                         "text/**",
                                         "te*/event-stream",
                                         "text /event-stream",
                                         "\"text/event-stream\""}) {
    CAF_MESSAGE(element);
    CAF_CHECK_EQUAL(quality({element}, "text/event-stream"), 0);
    CAF_CHECK_EQUAL(quality({element, "text/event-stream;q=0.4"}, "text/event-stream"), 400);
  }
}

CAF_TEST(a stream is for who asks for it by name) {
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {"text/event-stream"},
         {"Text/EVENT-stream; charset=UTF-8"},
         {"text/event-stream, */*"},
         {"application/json, text/event-stream"},
         {"application/json;q=0.9, text/event-stream"},
         {"application/json;q=0.5", "text/event-stream;q=0.5"},
         {"application/json", "text/html", "text/event-stream"},
         {"text/event-stream;q=0.1, text/html"},
       })
    CAF_CHECK(streams(lines));
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {},
         {""},
         {"*/*"},
         {"text/*"},
         {"application/json"},
         {"text/event-stream;q=0"},
         {"text/event-stream;q=0, */*"},
         {"text/event-stream;q=0.5, application/json"},
         {"text/event-stream;q=0.5, */*"},
         {"application/json, text/event-stream;q=0.999"},
         {"text/event-streaming"},
         {"application/x; note=\"text/event-stream\""},
         {"application/x; note=\", text/event-stream\""},
       })
    CAF_CHECK(!streams(lines));
}

CAF_TEST(a request tells what it prefers) {
  request_reader reader{reader_limits{}};
  std::string_view input =
    "GET / HTTP/1.1\r\nAccept: application/json;q=0.5\r\nHost: a\r\nACCEPT: text/event-stream\r\n\r\n";
  CAF_REQUIRE(reader.read(input) == request_reader::status::complete);
  CAF_CHECK(prefers_event_stream(reader.current()));
}

namespace {

content_coding chosen(const std::vector<std::string_view>& lines, bool has_gzip = true, bool has_brotli = true) {
  std::string text = "Host: a\r\n";
  for (const auto line : lines)
    text.append("accept-ENCODING: ").append(line).append("\r\n");
  return choose_coding({text, "Accept-Encoding"}, has_gzip, has_brotli);
}

} // namespace

CAF_TEST(gzip is for who takes it) {
  const auto takes = [](const std::vector<std::string_view>& lines) {
    return chosen(lines, true, false) == content_coding::gzip;
  };
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {"gzip"}, {"GZIP"}, {"x-gzip"}, {"br", "gzip;q=0.001"}, {"*"}, {"deflate, gzip;q=1.0, *;q=0.5"}})
    CAF_CHECK(takes(lines));
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {}, {""}, {"identity"}, {"gzip;q=0"}, {"gzip;q=0, *"}, {"*;q=0"}, {"gzip;q=x"}, {"gzipped"}, {"br"}})
    CAF_CHECK(!takes(lines));
}

CAF_TEST(of several codings the one with the highest weight is chosen) {
  for (const auto& lines : std::vector<std::vector<std::string_view>>{{"gzip, deflate, br"},
                                                                      {"br"},
                                                                      {"BR;q=0.5", "gzip;q=0.5"},
                                                                      {"*"},
                                                                      {"gzip;q=0.5, *"},
                                                                      {"br;q=0.001"},
                                                                      {"identity;q=0, br;q=0.1"}})
    CAF_CHECK(chosen(lines) == content_coding::brotli);
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {"gzip"}, {"gzip, br;q=0.9"}, {"br;q=0, *"}, {"br;q=x, gzip;q=0.1"}})
    CAF_CHECK(chosen(lines) == content_coding::gzip);
  for (const auto& lines : std::vector<std::vector<std::string_view>>{
         {}, {"identity"}, {"br;q=0, gzip;q=0"}, {"identity, br;q=0.5"}, {"zstd"}})
    CAF_CHECK(chosen(lines) == content_coding::identity);
  CAF_CHECK(chosen({"br, gzip;q=0.1"}, true, false) == content_coding::gzip);
  CAF_CHECK(chosen({"br, gzip;q=0.1"}, false, true) == content_coding::brotli);
  CAF_CHECK(chosen({"br, gzip"}, false, false) == content_coding::identity);
}
