#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::http;

namespace {

const std::string id = "0190b8a0-0000-7000-8000-000000000001";

template <class T>
std::string code_of(const result<T>& result) {
  const auto* wrong = std::get_if<failure>(&result);
  return wrong == nullptr ? "accepted" : std::string{to_string(wrong->code)};
}

/// The value, `absent`, or the code of the failure.
std::string value_of(std::string_view query, std::string_view name = "a") {
  const auto result = query_parameter(query, name);
  const auto* value = std::get_if<std::optional<std::string>>(&result);
  return value == nullptr ? code_of(result) : value->value_or("absent");
}

/// The text ends where its memory does, so that a sanitizer sees a look beyond it.
std::string media_type(std::string_view content_type, std::string_view body = "{}") {
  const std::vector<char> exact{content_type.begin(), content_type.end()};
  const auto wrong = check_json_media_type({exact.data(), exact.size()}, body);
  return wrong ? std::string{to_string(wrong->code)} : "accepted";
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

CAF_TEST(a page has a limit and a place to begin) {
  const auto limit_of = [](std::string_view query) {
    const auto page = decode_page(query);
    return std::holds_alternative<failure>(page) ? code_of(page)
                                                 : std::to_string(*page.limit);
  };
  CAF_CHECK_EQUAL(limit_of(""), "50");
  CAF_CHECK_EQUAL(limit_of("limit=1"), "1");
  CAF_CHECK_EQUAL(limit_of("limit=200"), "200");
  for (const auto* query : {"limit=0", "limit=201", "limit=", "limit", "limit=-1", "limit=+5", "limit=5x",
                            "limit=1.5", "limit=99999999999999999999", "limit=5&limit=5", "after=x", "after="})
    CAF_CHECK_EQUAL(limit_of(query), "parameter_malformed");
  CAF_CHECK(!std::get<page_query>(decode_page("limit=5")).after);
  CAF_CHECK_EQUAL(to_string(*std::get<page_query>(decode_page("after=" + id)).after), id);
}

CAF_TEST(an identity is normalized) {
  const auto found = decode_identity_query("kind=email&external_id=%20Ann@Example.org");
  CAF_CHECK(*found == (identity_key{identity_kind::email, "ann@example.org"}));
  for (const auto* query : {"", "kind=email", "external_id=a@b.c", "kind=email&kind=email&external_id=a@b.c"})
    CAF_CHECK_EQUAL(code_of(decode_identity_query(query)), "parameter_malformed");
  for (const auto* query : {"kind=phone&external_id=1", "kind=telegram&external_id=x", "kind=email&external_id=",
                            "kind=email&external_id=a%00@b.c", "kind=tele%00gram&external_id=1"})
    CAF_CHECK_EQUAL(code_of(decode_identity_query(query)), "value_unacceptable");
}

CAF_TEST(an id is a UUID) {
  CAF_CHECK_EQUAL(to_string(*decode_id(id)), id);
  for (const auto* text : {"", "42", "0190b8a0-0000-7000-8000-00000000000", "0190b8a0000070008000000000000001"})
    CAF_CHECK_EQUAL(code_of(decode_id(text)), "id_malformed");
}

CAF_TEST(JSON is known by its media type) {
  for (const auto* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", " application/json ;a=b; Charset = utf-8", "application/json;"})
    CAF_CHECK_EQUAL(media_type(type), "accepted");
  for (const auto* type : {"", "text/plain", "application/jsonp", "application/problem+json", "application",
                           "application/json, text/plain", "application/json; charset=latin-1",
                           "application/json; charset=", "application/json; charset=utf-8; charset=latin-1"})
    CAF_CHECK_EQUAL(media_type(type), "media_type_unsupported");
}

CAF_TEST(an empty body needs no media type) {
  CAF_CHECK_EQUAL(media_type("", ""), "accepted");
  CAF_CHECK_EQUAL(media_type("text/plain", ""), "accepted");
}
