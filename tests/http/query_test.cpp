#include "core/token.hpp"
#include "http/bearer.hpp"
#include "http/query.hpp"

#include "caf/test/unit_test.hpp"

#include <vector>

using namespace portcullis;
using namespace portcullis::http;

namespace {

const std::string form = "application/x-www-form-urlencoded";

template <class T>
std::string code_of(const result<T>& result) {
  return result ? "accepted" : std::string{to_string(result.error().code)};
}

/// The value, `absent`, or the code of the failure.
std::string value_of(std::string_view query, std::string_view name = "a") {
  const auto result = query_parameter(query, name);
  return result ? result->value_or("absent") : code_of(result);
}

/// The text ends where its memory does, so that a sanitizer sees a look beyond it.
std::string media_type(std::string_view content_type, std::string_view body = "{}") {
  const std::vector<char> exact{content_type.begin(), content_type.end()};
  return code_of(check_json_media_type({exact.data(), exact.size()}, body));
}

/// The text that is read, or the code of the failure.
std::string text_of(const result<std::string>& result) {
  return result ? *result : code_of(result);
}

std::string form_token(std::string_view content_type, std::string_view body) {
  return text_of(decode_form_field(content_type, body, "token"));
}

std::string bearer_of(std::string_view authorization) {
  request r;
  r.fields[static_cast<std::size_t>(field::authorization)] = authorization;
  const auto result = bearer_token(r);
  return result ? std::string{*result} : code_of(result);
}

} // namespace

CAF_TEST(a parameter is found and decoded) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"", "absent"},
    {"b=1", "absent"},
    {"aa=1&b=a", "absent"},
    {"a=1", "1"},
    {"b=2&a=1&c=3", "1"},
    {"&&a=1&", "1"},
    {"a=", ""},
    {"a", ""},
    {"a=b=c", "b=c"},
    {"a=x+y%20z", "x y z"},
    {"a=%2B%26%3d", "+&="},
    {"a=%C3%A9", "\xC3\xA9"},
    {"%61=1", "1"},
    {"%zz=1&a=2", "2"},
    {"b=%zz&a=2", "2"},
    {"A=1", "absent"},
  };
  for (const auto& [query, expected] : rows)
    CAF_CHECK_EQUAL(value_of(query), expected);
}

CAF_TEST(a parameter that could mean two things means none) {
  for (const auto* query : {"a=1&a=1", "a&b&a", "a=1&%61=2", "a=%", "a=%4", "a=%4g", "a=%g4", "a=%FF", "a=%C3",
                            "a=%ED%A0%80", "a=%C0%80", "a=\xFF"})
    CAF_CHECK_EQUAL(value_of(query), "parameter_malformed");
}

CAF_TEST(an escape may end the query) {
  CAF_CHECK_EQUAL(value_of("a=%41"), "A");
}

CAF_TEST(JSON is known by its media type) {
  for (const auto* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", " application/json ;a=b; Charset=utf-8",
        "application/json;;a=\"; charset=latin-1\"", "application/json;charset=\"ut\\f-8\"", "application/json;"})
    CAF_CHECK_EQUAL(media_type(type), "accepted");
  for (const auto* type :
       {"", "text/plain", "application/jsonp", "application/problem+json", "application",
        "application/json, text/plain", "application/json; charset=latin-1",
        "application/json; charset=", "application/json; charset = utf-8", "application/json; charset",
        "application/json; a=\"b", "application/json; charset=utf-8; charset=latin-1"})
    CAF_CHECK_EQUAL(media_type(type), "media_type_unsupported");
}

CAF_TEST(an empty body needs no media type) {
  CAF_CHECK_EQUAL(media_type("", ""), "accepted");
  CAF_CHECK_EQUAL(media_type("text/plain", ""), "accepted");
}

CAF_TEST(a form has exactly one token) {
  CAF_CHECK_EQUAL(form_token(form, "token=pcs_x"), "pcs_x");
  CAF_CHECK_EQUAL(form_token(form, "token_type_hint=access_token&token=a%2Bb+c"), "a+b c");
  CAF_CHECK_EQUAL(form_token("Application/X-WWW-Form-Urlencoded ; charset=utf-8", "token=x"), "x");
  CAF_CHECK_EQUAL(form_token(form, "token="), "");
  for (const auto* body : {"", "tokens=x", "token=x&token=x", "token=%zz"})
    CAF_CHECK_EQUAL(form_token(form, body), "body_malformed");
  for (const auto* type : {"", "application/json", "multipart/form-data", "application/x-www-form-urlencodedx"})
    CAF_CHECK_EQUAL(form_token(type, "token=x"), "media_type_unsupported");
}

CAF_TEST(a segment of a path is decoded and its plus is a plus) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"42", "42"},
    {"", ""},
    {"a%40b.example", "a@b.example"},
    {"a+b%2Bc%20d", "a+b+c d"},
    {"a%2Fb", "a/b"},
    {"%C3%A9", "\xC3\xA9"},
    {"%", "parameter_malformed"},
    {"%4", "parameter_malformed"},
    {"%zz", "parameter_malformed"},
    {"%FF", "parameter_malformed"},
    {"a%00b", "parameter_malformed"},
  };
  for (const auto& [segment, expected] : rows)
    CAF_CHECK_EQUAL(text_of(decode_segment(segment)), expected);
}

CAF_TEST(a bearer token is one of ours or none) {
  const auto made = token::from_random({1, 2, 3});
  const std::string text{made.reveal()};
  for (const auto* scheme : {"Bearer ", "bearer ", "BEARER ", "Bearer   "})
    CAF_CHECK_EQUAL(bearer_of(scheme + text), text);
  for (const std::string& value :
       {std::string{}, text, "Basic " + text, std::string{"Bearer"}, "Bearer" + text, "Bearer\t" + text})
    CAF_CHECK_EQUAL(bearer_of(value), "token_missing");
  for (const std::string& value :
       {std::string{"Bearer "}, std::string{"Bearer x"}, "Bearer " + text + " ", "Bearer " + text + "," + text,
        "Bearer " + text.substr(1), "Bearer " + text.substr(0, text.size() - 1) + "!"})
    CAF_CHECK_EQUAL(bearer_of(value), "token_malformed");
}
