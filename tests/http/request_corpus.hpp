#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Requests and what the reader makes of them, one row each.
namespace portcullis::http::corpus {

using namespace std::string_literals;

struct good_case {
  const char* name;
  std::string bytes;
  std::vector<std::string> reads; // as transcript.hpp writes requests, without the position
};

struct bad_case {
  const char* name;
  std::string bytes;
  errc code;
  std::string_view because; // part of the detail, which names the rule that was broken
};

inline std::string get(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
  return std::string{line} + "\r\nHost: a\r\n" + std::string{fields} + "\r\n";
}

inline std::string post(std::string_view fields, std::string_view body) {
  return get(fields, "POST / HTTP/1.1") + std::string{body};
}

inline std::string chunked(std::string_view body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

inline std::vector<good_case> good() {
  return {
    {"the least of 1.1", get(""), {"GET / 1.1 keep"}},
    {"the least of 1.0", "GET / HTTP/1.0\r\n\r\n", {"GET / 1.0 close"}},
    {"1.0 with a host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", {"GET / 1.0 close"}},
    {"1.0 that stays", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", {"GET / 1.0 keep"}},
    {"1.1 that goes", get("Connection: foo, Close\r\n"), {"GET / 1.1 close"}},
    {"no blank after the colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", {"GET / 1.1 keep"}},
    {"blanks around a value", get("X-User-ID: \t u1 \t \r\n"), {"GET / 1.1 keep x-user-id=u1"}},
    {"tab in a value", get("Accept: a,\tb\r\n"), {"GET / 1.1 keep accept=a,\tb"}},
    {"names in any case",
     get("x-USER-id: u\r\nAUTHORIZATION: t\r\n"),
     {"GET / 1.1 keep authorization=t x-user-id=u"}},
    {"every field that is read",
     get("Accept: a\r\nAuthorization: Bearer t\r\nContent-Type: c\r\nLast-Event-ID: l\r\ntraceparent: p\r\n"
         "tracestate: s\r\nX-Min-Cursor: m\r\nX-Request-Id: r\r\nX-Session-ID: i\r\nX-User-ID: u\r\n"),
     {"GET / 1.1 keep accept=a authorization=Bearer t content-type=c last-event-id=l traceparent=p tracestate=s "
      "x-min-cursor=m x-request-id=r x-session-id=i x-user-id=u"}},
    {"names that are almost read", get("X-User-IDs: a\r\nX_User_ID: b\r\nX-User-I: c\r\n"), {"GET / 1.1 keep"}},
    {"fields in two lines",
     get("Accept: a\r\nX-Accept: x\r\naccept:\tb \r\nX-Request-Id:\r\nX-Request-Id: d\r\n"),
     {"GET / 1.1 keep accept=a|b x-request-id=|d"}},
    {"an outsider's fields beside a gateway's",
     get("X-User-ID: a\r\nX-User-ID: a\r\nX-Session-ID: a\r\nX-Session-ID: b\r\nLast-Event-ID: a\r\n"
         "Last-Event-ID: b\r\nX-Min-Cursor: a\r\nX-Min-Cursor: b\r\nContent-Type: a\r\nContent-Type: b\r\n"
         "traceparent: a\r\ntraceparent: b\r\nAuthorization: t\r\n"),
     {"GET / 1.1 keep authorization=t content-type=a|b last-event-id=a|b traceparent=a|b x-min-cursor=a|b "
      "x-session-id=a|b x-user-id=a|a"}},
    {"bytes beyond ASCII in a value",
     get("X-Request-Id: caf\xC3\xA9\r\n"),
     {"GET / 1.1 keep x-request-id=caf\xC3\xA9"}},
    {"path and query", get("", "GET /a/b%20c?d=e&f HTTP/1.1"), {"GET /a/b%20c?d=e&f 1.1 keep"}},
    {"empty query", get("", "GET /a? HTTP/1.1"), {"GET /a 1.1 keep"}},
    {"question mark in the query", get("", "GET /a?b?c HTTP/1.1"), {"GET /a?b?c 1.1 keep"}},
    {"absolute form", get("", "GET http://b:80/c?d HTTP/1.1"), {"GET /c?d 1.1 keep"}},
    {"absolute form, https, no path", get("", "GET HTTPS://b HTTP/1.1"), {"GET / 1.1 keep"}},
    {"absolute form with a query alone", get("", "GET http://[::1]?d HTTP/1.1"), {"GET /?d 1.1 keep"}},
    {"asterisk", get("", "OPTIONS * HTTP/1.1"), {"OPTIONS * 1.1 keep"}},
    {"verbs of others",
     get("", "PROPFIND /x HTTP/1.1") + get("", "PURGE /x HTTP/1.1") + get("", "M!#$1 / HTTP/1.1"),
     {"PROPFIND /x 1.1 keep", "PURGE /x 1.1 keep", "M!#$1 / 1.1 keep"}},
    {"one empty line first", "\r\n" + get(""), {"GET / 1.1 keep"}},
    {"an empty line between", get("") + "\r\n" + get(""), {"GET / 1.1 keep", "GET / 1.1 keep"}},
    {"hosts",
     "GET /1 HTTP/1.1\r\nHost: a.example:65535\r\n\r\nGET /2 HTTP/1.1\r\nHost: 127.0.0.1:0\r\n\r\n"
     "GET /3 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\nGET /4 HTTP/1.1\r\nHost: a_b-c~1:\r\n\r\n",
     {"GET /1 1.1 keep", "GET /2 1.1 keep", "GET /3 1.1 keep", "GET /4 1.1 keep"}},
    {"length", post("Content-Length: 5\r\n", "hello"), {"POST / 1.1 keep body=hello"}},
    {"length of nothing", post("Content-Length: 0\r\n", ""), {"POST / 1.1 keep"}},
    {"length with zeros", post("Content-Length: 0005\r\n", "hello"), {"POST / 1.1 keep body=hello"}},
    {"body of a GET", get("Content-Length: 2\r\n") + "hi" + get(""), {"GET / 1.1 keep body=hi", "GET / 1.1 keep"}},
    {"body of 1.0", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", {"POST / 1.0 close body=hi"}},
    {"body of any bytes",
     post("Content-Length: 6\r\n", "\0\r\n\xFF\n\r"s),
     {"POST / 1.1 keep body=\0\r\n\xFF\n\r"s}},
    {"body that looks like a request",
     post("Content-Length: 27\r\n", get("")) + get("", "GET /2 HTTP/1.1"),
     {"POST / 1.1 keep body=" + get(""), "GET /2 1.1 keep"}},
    {"chunks", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), {"POST / 1.1 keep body=hello world"}},
    {"no chunk", chunked("0\r\n\r\n") + get(""), {"POST / 1.1 keep", "GET / 1.1 keep"}},
    {"Chunked",
     post("transfer-encoding: Chunked\r\n", "A\r\n0123456789\r\n00\r\n\r\n"),
     {"POST / 1.1 keep body=0123456789"}},
    {"chunk extensions",
     chunked("2;a=b;c=\"d; \\\"e\"\r\nhi\r\n1 \t; x =\ty ;z\r\n!\r\n0;z=\"\" ; z\r\n\r\n"),
     {"POST / 1.1 keep body=hi!"}},
    {"sixteen digits", chunked("0000000000000002\r\nhi\r\n0\r\n\r\n"), {"POST / 1.1 keep body=hi"}},
    {"trailers are dropped",
     chunked("2\r\nhi\r\n0\r\nX-User-ID: evil\r\nConnection: close\r\nContent-Length: 9\r\nA:\r\n\r\n") + get(""),
     {"POST / 1.1 keep body=hi", "GET / 1.1 keep"}},
    {"continue that is not waited for",
     post("Expect: 100-Continue\r\nContent-Length: 2\r\n", "hi"),
     {"POST / 1.1 keep body=hi"}},
    {"continue with chunks",
     post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
     {"POST / 1.1 keep body=x"}},
    {"three in a row",
     get("", "GET /1 HTTP/1.1") + post("Content-Length: 1\r\n", "b") + get("", "GET /3 HTTP/1.1"),
     {"GET /1 1.1 keep", "POST / 1.1 keep body=b", "GET /3 1.1 keep"}},
  };
}

inline std::vector<bad_case> bad_hosts() {
  constexpr auto code = errc::request_malformed;
  const auto host = [](std::string_view value) {
    return "GET / HTTP/1.1\r\nHost: " + std::string{value} + "\r\n\r\n";
  };
  return {
    {"none", "GET / HTTP/1.1\r\n\r\n", code, "needs a Host"},
    {"two", get("Host: a\r\n"), code, "Host is given twice"},
    {"two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", code, "Host is given twice"},
    {"empty in 1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", code, "Host is not"},
    {"empty", host(""), code, "Host is not"},
    {"list", host("a,b"), code, "Host is not"},
    {"space", host("a b"), code, "Host is not"},
    {"user information", host("u@a"), code, "Host is not"},
    {"password", host("u:p@a"), code, "Host is not"},
    {"path", host("a/b"), code, "Host is not"},
    {"query", host("a?b"), code, "Host is not"},
    {"port alone", host(":80"), code, "Host is not"},
    {"port of letters", host("a:http"), code, "Host is not"},
    {"signed port", host("a:-1"), code, "Host is not"},
    {"large port", host("a:65536"), code, "Host is not"},
    {"long port", host("a:000080"), code, "Host is not"},
    {"two ports", host("a:1:2"), code, "Host is not"},
    {"address without brackets", host("::1"), code, "Host is not"},
    {"open bracket", host("[::1"), code, "Host is not"},
    {"no address in brackets", host("[a]"), code, "Host is not"},
    {"nothing in brackets", host("[]"), code, "Host is not"},
    {"long address", host("[" + std::string(64, '0') + "::1]"), code, "Host is not"},
    {"text behind brackets", host("[::1]a"), code, "Host is not"},
    {"byte beyond ASCII", host("caf\xC3\xA9"), code, "Host is not"},
  };
}

inline std::vector<bad_case> bad_framing() {
  constexpr auto code = errc::request_malformed;
  return {
    {"two lengths", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), code, "Content-Length"},
    {"two unequal lengths", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), code, "Content-Length"},
    {"list of lengths", post("Content-Length: 2, 2\r\n", "{}"), code, "Content-Length"},
    {"list of one", post("Content-Length: 2,\r\n", "{}"), code, "Content-Length"},
    {"signed length", post("Content-Length: +2\r\n", "{}"), code, "Content-Length"},
    {"negative length", post("Content-Length: -2\r\n", "{}"), code, "Content-Length"},
    {"hexadecimal length", post("Content-Length: 0x2\r\n", "{}"), code, "Content-Length"},
    {"empty length", post("Content-Length:\r\n", ""), code, "Content-Length"},
    {"length that overflows", post("Content-Length: 18446744073709551618\r\n", "{}"), code, "Content-Length"},
    {"length, then coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), code,
     "Transfer-Encoding"},
    {"coding, then length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), code,
     "Content-Length"},
    {"unknown coding", post("Transfer-Encoding: gzip\r\n", ""), code, "exactly `chunked`"},
    {"identity", post("Transfer-Encoding: identity\r\nContent-Length: 2\r\n", "{}"), code, "exactly `chunked`"},
    {"coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), code,
     "exactly `chunked`"},
    {"coding behind chunked", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), code,
     "exactly `chunked`"},
    {"chunked in a list", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), code, "exactly `chunked`"},
    {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), code,
     "exactly `chunked`"},
    {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), code, "exactly `chunked`"},
    {"chunked with a vertical tab", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), code,
     "control character"},
    {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), code,
     "Transfer-Encoding"},
    {"empty coding", post("Transfer-Encoding:\r\n", ""), code, "exactly `chunked`"},
    {"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", code, "HTTP/1.0"},
    {"chunk without a size", chunked("\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"end without a size", chunked("\r\n\r\n"), code, "chunked body"},
    {"extension without a size", chunked(";a\r\n\r\n"), code, "chunked body"},
    {"chunk of no size", chunked("x\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"signed chunk", chunked("+2\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"prefixed chunk", chunked("0x2\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank before the size", chunked(" 2\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank behind the size", chunked("2 \r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"chunk size of seventeen digits", chunked("10000000000000002\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"chunk that is longer", chunked("2\r\nhi!\r\n0\r\n\r\n"), code, "chunked body"},
    {"chunk that is shorter", chunked("3\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"size ended by LF", chunked("2\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"size ended by CR", chunked("2\rhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"chunk ended by LF", chunked("2\r\nhi\n0\r\n\r\n"), code, "chunked body"},
    {"chunk ended by CR", chunked("2\r\nhi\r0\r\n\r\n"), code, "chunked body"},
    {"extension without a name", chunked("2;\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"extension of blanks", chunked("2; \r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"two semicolons", chunked("2;;a\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"extension whose name is no token", chunked("2;a@b\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"extension whose name is quoted", chunked("2;\"a\"\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"two names in an extension", chunked("2;a b\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"extension without a value", chunked("2;a=\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"extension with two values", chunked("2;a=b=c\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"text behind a quoted value", chunked("2;a=\"b\"c\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"quoted value that does not end", chunked("2;a=\"b\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"quoted value that ends escaped", chunked("2;a=\"b\\\"\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank behind a name", chunked("2;a \r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank behind a value", chunked("2;a=b\t\r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank behind a quoted value", chunked("2;a=\"b\" \r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"blank behind a size", chunked("2 \r\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"LF in an extension", chunked("2;a\nhi\r\n0\r\n\r\n"), code, "chunked body"},
    {"NUL in an extension", chunked("2;\0\r\nhi\r\n0\r\n\r\n"s), code, "chunked body"},
    {"body ended by LF", chunked("0\r\n\n"), code, "chunked body"},
    {"body ended by CR", chunked("0\r\n\rx"), code, "chunked body"},
    {"trailer without a colon", chunked("0\r\nabc\r\n\r\n"), code, "chunked body"},
    {"trailer without a name", chunked("0\r\n: b\r\n\r\n"), code, "chunked body"},
    {"trailer with a blank before the colon", chunked("0\r\na : b\r\n\r\n"), code, "chunked body"},
    {"folded trailer", chunked("0\r\na: b\r\n c\r\n\r\n"), code, "chunked body"},
    {"LF in a trailer", chunked("0\r\na: b\nc: d\r\n\r\n"), code, "chunked body"},
  };
}

inline std::vector<bad_case> bad_lines() {
  constexpr auto code = errc::request_malformed;
  constexpr auto version = errc::http_version_unsupported;
  return {
    {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", code, "LF alone"},
    {"LF alone first", "\n" + get(""), code, "LF alone"},
    {"bare LF in a field", get("X-A: b\nX-B: c\r\n"), code, "LF alone"},
    {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", code, "LF alone"},
    {"bare CR", get("X-A: b\rX-B: c\r\n"), code, "no LF follows"},
    {"bare CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", code, "no LF follows"},
    {"two CRs", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", code, "no LF follows"},
    {"NUL in a value", get("X-A: b\0c\r\n"s), code, "control character"},
    {"NUL in a name", get("X\0A: b\r\n"s), code, "control character"},
    {"NUL in the target", get("", "GET /a\0b HTTP/1.1"s), code, "control character"},
    {"DEL in a value", get("X-A: b\x7F\r\n"), code, "malformed value"},
    {"two empty lines first", "\r\n\r\n" + get(""), code, "empty line"},
    {"folded field", get("X-A: b\r\n c\r\n"), code, "white space"},
    {"field folded by a tab", get("X-A: b\r\n\tc\r\n"), code, "white space"},
    {"white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", code, "white space"},
    {"space before the colon", get("X-A : b\r\n"), code, "header line"},
    {"tab before the colon", get("X-A\t: b\r\n"), code, "header line"},
    {"field without a name", get(": b\r\n"), code, "header line"},
    {"field without a colon", get("X-A\r\n"), code, "header line"},
    {"name that is no token", get("X(A): b\r\n"), code, "header line"},
    {"name beyond ASCII", get("X-\xC3\xA9: b\r\n"), code, "header line"},
    {"malformed Connection", get("Connection: a b\r\n"), code, "malformed value"},
    {"two spaces", get("", "GET  / HTTP/1.1"), code, "request line"},
    {"two spaces before the version", get("", "GET /  HTTP/1.1"), code, "request line"},
    {"space in the target", get("", "GET /a b HTTP/1.1"), code, "request line"},
    {"tab for a space", get("", "GET\t/ HTTP/1.1"), code, "token"},
    {"space first", get("", " GET / HTTP/1.1"), code, "token"},
    {"space last", get("", "GET / HTTP/1.1 "), code, "HTTP version"},
    {"no target", get("", "GET HTTP/1.1"), code, "request line"},
    {"method that is no token", get("", "G(T / HTTP/1.1"), code, "token"},
    {"0.9", "GET /\r\n", code, "HTTP version"},
    {"lower-case protocol", get("", "GET / http/1.1"), code, "HTTP version"},
    {"another protocol", get("", "GET / RTSP/1.0"), code, "HTTP version"},
    {"TLS", "\x16\x03\x01\x02"s, code, "control character"},
    {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version, "HTTP/1.1"},
    {"1.2", get("", "GET / HTTP/1.2"), version, "HTTP/1.1"},
    {"3", get("", "GET / HTTP/3"), version, "HTTP/1.1"},
  };
}

inline std::vector<bad_case> bad_requests() {
  constexpr auto code = errc::request_malformed;
  return {
    {"fragment", get("", "GET /a#b HTTP/1.1"), code, "fragment"},
    {"target beyond ASCII", get("", "GET /caf\xC3\xA9 HTTP/1.1"), code, "beyond ASCII"},
    {"DEL in the target", get("", "GET /a\x7F HTTP/1.1"), code, "request line"},
    {"asterisk with GET", get("", "GET * HTTP/1.1"), code, "OPTIONS only"},
    {"more than an asterisk", get("", "OPTIONS *a HTTP/1.1"), code, "neither a path"},
    {"no slash", get("", "GET a HTTP/1.1"), code, "neither a path"},
    {"query without a path", get("", "GET ?a HTTP/1.1"), code, "neither a path"},
    {"authority form", get("", "CONNECT a:443 HTTP/1.1"), code, "tunnel"},
    {"CONNECT to a path", get("", "CONNECT / HTTP/1.1"), code, "tunnel"},
    {"authority form with GET", get("", "GET a:443 HTTP/1.1"), code, "neither a path"},
    {"another scheme", get("", "GET ftp://a/ HTTP/1.1"), code, "neither a path"},
    {"absolute form without a host", get("", "GET http:///a HTTP/1.1"), code, "neither a path"},
    {"absolute form with a user", get("", "GET http://u@a/ HTTP/1.1"), code, "neither a path"},
    {"absolute form with a strange port", get("", "GET http://a:x/ HTTP/1.1"), code, "neither a path"},
    {"absolute form without Host", "GET http://a/ HTTP/1.1\r\n\r\n", code, "needs a Host"},
    {"two tokens", get("Authorization: a\r\nAuthorization: b\r\n"), code, "Authorization is given twice"},
    {"an empty token and another", get("Authorization:\r\nauthorization: b\r\n"), code,
     "authorization is given twice"},
    {"another expectation", get("Expect: a miracle\r\n"), errc::expectation_failed, "100-continue"},
    {"empty expectation", get("Expect:\r\n"), errc::expectation_failed, "100-continue"},
    {"two expectations", get("Expect: 100-continue, x\r\n"), errc::expectation_failed, "100-continue"},
    {"large body announced", post("Content-Length: 65537\r\n", ""), errc::body_too_large, "65536 bytes"},
    {"large body, waiting", post("Expect: 100-continue\r\nContent-Length: 999999\r\n", ""), errc::body_too_large,
     "65536 bytes"},
    {"large chunk announced", chunked("10001\r\n"), errc::body_too_large, "65536 bytes"},
    {"largest chunk announced", chunked("ffffffffffffffff\r\n"), errc::body_too_large, "65536 bytes"},
  };
}

inline std::vector<bad_case> bad() {
  std::vector<bad_case> all;
  for (auto&& some : {bad_hosts(), bad_framing(), bad_lines(), bad_requests()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

} // namespace portcullis::http::corpus
