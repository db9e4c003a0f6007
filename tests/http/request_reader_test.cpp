#include "http/request.hpp"

#include "http/request_corpus.hpp"
#include "http/transcript.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::http;

namespace {

using status = request_reader::status;

std::string without_position(const std::string& line) {
  return line.substr(line.find(' ') + 1);
}

/// The reader's answer to input that is one piece.
status read(request_reader& reader, std::string_view input) {
  return reader.read(input);
}

bool lies_in(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

} // namespace

CAF_TEST(good requests are read for what they are) {
  for (const auto& row : corpus::good()) {
    auto lines = read_whole(row.bytes);
    CAF_CHECK_EQUAL(lines.back(), "idle");
    lines.pop_back();
    std::transform(lines.begin(), lines.end(), lines.begin(), without_position);
    CAF_CHECK_EQUAL(row.name + std::string{": "} + caf::deep_to_string(lines),
                    row.name + std::string{": "} + caf::deep_to_string(row.reads));
  }
}

CAF_TEST(bad requests are refused by the rule that they break) {
  for (const auto& row : corpus::bad()) {
    const auto line = read_whole(row.bytes).back();
    const auto code = std::string{to_string(row.code)} + ": ";
    CAF_CHECK_EQUAL(row.name + std::string{": "} + line.substr(0, code.size()),
                    row.name + std::string{": "} + code);
    if (line.find(row.because) == std::string::npos)
      CAF_ERROR(row.name << ": " << line);
  }
}

CAF_TEST(how the bytes are cut changes nothing) {
  for (const auto& row : corpus::good())
    CAF_CHECK_EQUAL(row.name + find_split_that_matters(row.bytes), row.name);
  for (const auto& row : corpus::bad())
    CAF_CHECK_EQUAL(row.name + find_split_that_matters(row.bytes), row.name);
}

CAF_TEST(a pipeline is read in order however it is cut) {
  std::string bytes;
  transcript expected;
  for (const auto& row : corpus::good()) {
    bytes += row.bytes;
    expected.insert(expected.end(), row.reads.begin(), row.reads.end());
  }
  for (const std::size_t size : {1U, 2U, 3U, 7U, 64U, 1000U, 100000U}) {
    auto lines = read_pieces(bytes, {size});
    lines.pop_back(); // idle
    std::transform(lines.begin(), lines.end(), lines.begin(), without_position);
    CAF_CHECK(lines == expected);
  }
}

CAF_TEST(what stands before a bad request is read) {
  const auto lines = read_whole(corpus::get("") + corpus::get("") + "GET / HTTP/1.1\r\n\r\n" + corpus::get(""));
  CAF_REQUIRE_EQUAL(lines.size(), 3u);
  CAF_CHECK_EQUAL(without_position(lines[1]), "GET / 1.1 keep");
  CAF_CHECK_EQUAL(lines[2], "request_malformed: An HTTP/1.1 request needs a Host field.");
}

CAF_TEST(garbage is refused at the byte that shows it) {
  // Each fails on its last byte and not on the one before.
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\nA: b\rX", "GET /\r\n",
        "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n", "\x16"}) {
    request_reader reader{reader_limits{}};
    CAF_CHECK(read(reader, bytes.substr(0, bytes.size() - 1)) == status::need_more);
    CAF_CHECK(read(reader, bytes.substr(bytes.size() - 1)) == status::failed);
  }
}

CAF_TEST(a request that lies whole in the input is read in place) {
  const auto bytes = corpus::post("Content-Length: 5\r\nAuthorization: Bearer t\r\nX-Request-Id: r\r\n", "hello");
  request_reader reader{reader_limits{}};
  std::string_view input{bytes};
  CAF_REQUIRE(reader.read(input) == status::complete);
  const auto& r = reader.current();
  for (const auto part :
       {r.method_text, r.target, r.path, r.body, r.get(field::authorization), r.get(field::x_request_id)})
    CAF_CHECK(lies_in(part, bytes));
  CAF_CHECK(input.empty());
}

CAF_TEST(a body that comes whole behind a head that did not is read in place) {
  const auto bytes = corpus::post("Content-Length: 5\r\n", "hello");
  request_reader reader{reader_limits{}};
  CAF_REQUIRE(read(reader, std::string_view{bytes}.substr(0, 10)) == status::need_more);
  auto rest = std::string_view{bytes}.substr(10);
  CAF_REQUIRE(reader.read(rest) == status::complete);
  CAF_CHECK(lies_in(reader.current().body, bytes));
}

CAF_TEST(verbs have their names) {
  const std::pair<const char*, verb> verbs[]{
    {"GET", verb::get},        {"HEAD", verb::head},      {"POST", verb::post},       {"PUT", verb::put},
    {"PATCH", verb::patch},    {"DELETE", verb::delete_}, {"OPTIONS", verb::options}, {"TRACE", verb::trace},
    {"PROPFIND", verb::other}, {"BREW", verb::other},     {"get", verb::other}};
  for (const auto& [name, expected] : verbs) {
    request_reader reader{reader_limits{}};
    const auto bytes = corpus::get("", std::string{name} + " / HTTP/1.1");
    CAF_REQUIRE(read(reader, bytes) == status::complete);
    CAF_CHECK(reader.current().method == expected);
    CAF_CHECK_EQUAL(reader.current().method_text, name);
  }
}

CAF_TEST(the target stays as it was sent) {
  request_reader reader{reader_limits{}};
  CAF_REQUIRE(read(reader, corpus::get("", "GET http://b/c?d HTTP/1.1")) == status::complete);
  CAF_CHECK_EQUAL(reader.current().target.size(), std::string_view{"http://b/c?d"}.size());
}

CAF_TEST(a sender that waits for 100 Continue is told once) {
  for (const auto* framing : {"Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"}) {
    request_reader reader{reader_limits{}};
    const auto head = corpus::post(std::string{"Expect: 100-continue\r\n"} + framing, "");
    CAF_CHECK(read(reader, head) == status::want_continue);
    CAF_CHECK(reader.in_body());
    CAF_CHECK(read(reader, "") == status::need_more);
    CAF_CHECK(read(reader, framing[0] == 'C' ? "hi" : "2\r\nhi\r\n0\r\n\r\n") == status::complete);
    CAF_CHECK_EQUAL(reader.current().body.size(), 2u);
  }
}

CAF_TEST(a sender that does not wait is not told to go on) {
  const auto fields = std::string{"Expect: 100-continue\r\nContent-Length: 2\r\n"};
  request_reader begun{reader_limits{}};
  CAF_CHECK(read(begun, corpus::post(fields, "h")) == status::need_more);
  request_reader without_body{reader_limits{}};
  CAF_CHECK(read(without_body, corpus::post("Expect: 100-continue\r\n", "")) == status::complete);
  request_reader old{reader_limits{}};
  CAF_CHECK(read(old, "POST / HTTP/1.0\r\n" + fields + "\r\n") == status::need_more);
}

CAF_TEST(the reader tells where it is) {
  request_reader reader{reader_limits{}};
  const auto is = [&](bool in_request, bool in_body) {
    return reader.in_request() == in_request && reader.in_body() == in_body;
  };
  CAF_CHECK(is(false, false));
  CAF_CHECK(read(reader, "\r\n") == status::need_more);
  CAF_CHECK(is(false, false));
  CAF_CHECK(read(reader, "P") == status::need_more);
  CAF_CHECK(is(true, false));
  CAF_CHECK(read(reader, "OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n") == status::need_more);
  CAF_CHECK(is(true, true));
  CAF_CHECK(read(reader, "hi") == status::complete);
  CAF_CHECK(is(false, false));
  CAF_CHECK(read(reader, "") == status::need_more);
  CAF_CHECK(is(false, false));
}

CAF_TEST(nothing of one request is left in the next) {
  request_reader reader{reader_limits{}};
  CAF_REQUIRE(read(reader, corpus::post("X-User-ID: u\r\nContent-Length: 2\r\n", "hi")) == status::complete);
  CAF_REQUIRE(read(reader, corpus::get("")) == status::complete);
  CAF_CHECK(reader.current().get(field::x_user_id).empty());
  CAF_CHECK(reader.current().body.empty());
}

CAF_TEST(a reader can be moved in the middle of a request) {
  request_reader reader{reader_limits{}};
  const auto bytes = corpus::post("Content-Length: 5\r\n", "hello");
  CAF_REQUIRE(read(reader, std::string_view{bytes}.substr(0, 30)) == status::need_more);
  auto moved = std::move(reader);
  CAF_REQUIRE(read(moved, std::string_view{bytes}.substr(30)) == status::complete);
  CAF_CHECK_EQUAL(moved.current().path, "/");
}
