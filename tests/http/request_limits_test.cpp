#include "http/request.hpp"

#include "http/owned_request.hpp"
#include "http/request_corpus.hpp"
#include "http/transcript.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::http;

namespace {

std::string last_line(const transcript& lines) {
  return lines.back();
}

/// The word of the failure, or `read` when the request was read; the same however it is cut.
std::string outcome(const std::string& bytes, const reader_limits& limits) {
  const auto lines = read_whole(bytes, limits);
  if (auto split = find_split_that_matters(bytes, limits); !split.empty())
    return split;
  const auto& last = lines.back();
  return last == "idle" ? "read" : last.substr(0, last.find(':'));
}

std::string padded_head(std::size_t size) {
  const auto least = corpus::get("X: \r\n").size();
  return corpus::get("X: " + std::string(size - least, 'x') + "\r\n");
}

std::string many_fields(std::size_t count) {
  std::string fields;
  for (std::size_t i = 1; i < count; ++i) // Host is the first
    fields += "X: y\r\n";
  return corpus::get(fields);
}

} // namespace

CAF_TEST(the head has a size) {
  reader_limits limits;
  limits.head_bytes_max = 200;
  CAF_CHECK_EQUAL(outcome(padded_head(199), limits), "read");
  CAF_CHECK_EQUAL(outcome(padded_head(200), limits), "read");
  CAF_CHECK_EQUAL(outcome(padded_head(201), limits), "headers_too_large");
  CAF_CHECK_EQUAL(outcome("\r\n" + padded_head(200), limits), "read");
  CAF_CHECK_EQUAL(outcome(padded_head(200) + padded_head(200), limits), "read");
}

CAF_TEST(the default size of a head is 64 KiB) {
  const auto exact = padded_head(65536);
  CAF_CHECK_EQUAL(last_line(read_whole(exact)), "idle");
  CAF_CHECK_EQUAL(last_line(read_pieces(exact, {1000})), "idle");
  const auto over = padded_head(65537);
  CAF_CHECK_EQUAL(last_line(read_whole(over)), last_line(read_pieces(over, {1000})));
  CAF_CHECK_EQUAL(last_line(read_whole(over)),
                  "headers_too_large: The request line and header fields exceed 65536 bytes.");
}

CAF_TEST(what gateways let through fits) {
  const auto cookies = corpus::get("Cookie: " + std::string(60 * 1024, 'c') + "\r\n");
  CAF_CHECK_EQUAL(last_line(read_whole(cookies)), "idle");
  CAF_CHECK_EQUAL(last_line(read_whole(many_fields(1000))), "idle");
  CAF_CHECK_EQUAL(last_line(read_whole(many_fields(1001))),
                  "headers_too_large: The request has more than 1000 header fields.");
}

CAF_TEST(what a reader holds is told) {
  request_reader reader{reader_limits{}};
  std::string_view input = "GET / HTTP/1.1\r\nCookie: ";
  CAF_REQUIRE(reader.read(input) == request_reader::status::need_more);
  const auto begun = reader.held_bytes();
  CAF_CHECK_GREATER(begun, 24u);
  const std::string more(60 * 1024, 'c');
  input = more;
  CAF_REQUIRE(reader.read(input) == request_reader::status::need_more);
  CAF_CHECK_GREATER(reader.held_bytes(), more.size());
  input = "\r\nHost: a\r\n\r\nGET";
  CAF_REQUIRE(reader.read(input) == request_reader::status::complete);
  CAF_REQUIRE(reader.read(input) == request_reader::status::need_more);
  CAF_CHECK_LESS(reader.held_bytes(), std::size_t{8} * 1024); // an idle connection keeps little
}

CAF_TEST(a request that waits keeps the lines of Accept and no other) {
  request_reader reader{reader_limits{}};
  const auto bytes = corpus::get("Accept: a\r\nCookie: c\r\naccept: b\r\nX-User-ID: u\r\n");
  std::string_view input = bytes;
  CAF_REQUIRE(reader.read(input) == request_reader::status::complete);
  const owned_request kept{reader.current()};
  CAF_CHECK_EQUAL(kept.get().head, "accept:a\r\naccept:b\r\n");
  CAF_CHECK_EQUAL(kept.get().get(field::x_user_id), "u");
  CAF_CHECK(kept.get().is_repeated(field::accept));
}

CAF_TEST(a value that is given twice is refused where it is read) {
  const auto value_of = [](const std::string& fields) -> std::string {
    request_reader reader{reader_limits{}};
    const auto bytes = corpus::get(fields);
    std::string_view input = bytes;
    CAF_REQUIRE(reader.read(input) == request_reader::status::complete);
    const auto value = sole_value(reader.current(), field::x_min_cursor);
    return value ? std::string{*value} : to_line(value.error());
  };
  CAF_CHECK_EQUAL(value_of(""), "");
  CAF_CHECK_EQUAL(value_of("X-Min-Cursor: c\r\n"), "c");
  CAF_CHECK_EQUAL(value_of("X-Min-Cursor: c\r\nx-min-cursor: c\r\n"),
                  "request_malformed: X-Min-Cursor is given twice.");
}

CAF_TEST(a head that does not end is refused at its limit) {
  reader_limits limits;
  limits.head_bytes_max = 100;
  const auto endless = "GET /" + std::string(95, 'x');
  CAF_CHECK_EQUAL(last_line(read_whole(endless.substr(0, 99), limits)), "in a head");
  CAF_CHECK_EQUAL(outcome(endless, limits), "headers_too_large");
}

CAF_TEST(the fields are counted) {
  reader_limits limits;
  limits.fields_max = 5;
  CAF_CHECK_EQUAL(outcome(many_fields(4), limits), "read");
  CAF_CHECK_EQUAL(outcome(many_fields(5), limits), "read");
  CAF_CHECK_EQUAL(outcome(many_fields(6), limits), "headers_too_large");
}

CAF_TEST(a body has a size) {
  reader_limits limits;
  limits.body_bytes_max = 20;
  const auto sized = [](std::size_t size) {
    return corpus::post("Content-Length: " + std::to_string(size) + "\r\n", std::string(size, 'x'));
  };
  CAF_CHECK_EQUAL(outcome(sized(19), limits), "read");
  CAF_CHECK_EQUAL(outcome(sized(20), limits), "read");
  CAF_CHECK_EQUAL(outcome(sized(21), limits), "body_too_large");
}

CAF_TEST(chunks together have a size) {
  reader_limits limits;
  limits.body_bytes_max = 20;
  const std::string ten = "a\r\n0123456789\r\n";
  CAF_CHECK_EQUAL(outcome(corpus::chunked(ten + "9\r\n123456789\r\n0\r\n\r\n"), limits), "read");
  CAF_CHECK_EQUAL(outcome(corpus::chunked(ten + ten + "0\r\n\r\n"), limits), "read");
  CAF_CHECK_EQUAL(outcome(corpus::chunked(ten + ten + "1\r\nx\r\n0\r\n\r\n"), limits), "body_too_large");
  CAF_CHECK_EQUAL(outcome(corpus::chunked(ten + "b\r\n"), limits), "body_too_large");
}

CAF_TEST(the extensions of all chunks together have a size) {
  reader_limits limits;
  limits.chunk_extension_bytes_max = 10;
  const auto extended = [](std::size_t size) {
    return corpus::chunked("1;1234\r\nx\r\n0;" + std::string(size - 6, 'e') + "\r\n\r\n");
  };
  CAF_CHECK_EQUAL(outcome(extended(9), limits), "read");
  CAF_CHECK_EQUAL(outcome(extended(10), limits), "read");
  CAF_CHECK_EQUAL(outcome(extended(11), limits), "body_too_large");
}

CAF_TEST(the trailers have a size) {
  reader_limits limits;
  limits.trailer_bytes_max = 10;
  const auto trailed = [](std::size_t size) {
    return corpus::chunked("0\r\na:bc\r\nd:" + std::string(size - 6, 't') + "\r\n\r\n");
  };
  CAF_CHECK_EQUAL(outcome(trailed(9), limits), "read");
  CAF_CHECK_EQUAL(outcome(trailed(10), limits), "read");
  CAF_CHECK_EQUAL(outcome(trailed(11), limits), "headers_too_large");
}

CAF_TEST(small and large requests take turns on one connection) {
  const auto large = corpus::post("Content-Length: 60000\r\n", std::string(60000, 'x'));
  std::string bytes;
  for (int i = 0; i < 4; ++i)
    bytes += large + corpus::get("") + padded_head(15000);
  const auto whole = read_whole(bytes);
  CAF_CHECK_EQUAL(whole.size(), 13u);
  CAF_CHECK(whole == read_pieces(bytes, {1448}));
}
