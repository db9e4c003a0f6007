#include "api/json.hpp"

#include "caf/test/unit_test.hpp"

using namespace portcullis;
using namespace portcullis::api;

namespace {

const std::string id = "0190b8a0-0000-7000-8000-000000000001";

template <class T>
std::string code_of(const result<T>& result) {
  return result ? "accepted" : std::string{to_string(result.error().code)};
}

} // namespace

CAF_TEST(a page has a limit and a place to begin) {
  const auto limit_of = [](std::string_view query) {
    const auto page = decode_page(query);
    return page ? std::to_string(page->limit) : code_of(page);
  };
  CAF_CHECK_EQUAL(limit_of(""), "50");
  CAF_CHECK_EQUAL(limit_of("limit=1"), "1");
  CAF_CHECK_EQUAL(limit_of("limit=200"), "200");
  for (const auto* query : {"limit=0", "limit=201", "limit=", "limit", "limit=-1", "limit=+5", "limit=5x",
                            "limit=1.5", "limit=99999999999999999999", "limit=5&limit=5", "after=x", "after="})
    CAF_CHECK_EQUAL(limit_of(query), "parameter_malformed");
  CAF_CHECK(!decode_page("limit=5")->after);
  CAF_CHECK_EQUAL(to_string(*decode_page("after=" + id)->after), id);
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
