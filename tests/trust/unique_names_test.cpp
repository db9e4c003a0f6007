#include "trust/unique_names.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/json/parse.hpp>

#include <string>
#include <string_view>

using namespace portcullis::trust;

namespace {

bool unique(std::string_view text) {
  return has_unique_names(boost::json::parse(boost::json::string_view{text.data(), text.size()}), text);
}

} // namespace

CAF_TEST(a name that an object has once is unique) {
  for (const std::string_view text :
       {"1", "\"a:b\"", "[]", "{}", R"({"a":1})", R"({"a":1,"b":{"a":2,"b":[{"a":3},{"a":4}]}})",
        R"({"a":1,"A":2,"a ":3})", R"({"a:":"b:\"c\":\\","d":"\\\":"})", R"({"":0,":":1,"\"":2,"\\":3,"\\\"":4})",
        " { \"a\"\t:\n1 , \"b\" : 2 } "})
    CAF_CHECK(unique(text));
}

CAF_TEST(a name that an object has twice is not ) {
  for (const std::string_view text :
       {R"({"a":1,"a":1})", R"({"a":null,"a":2})", R"({"a":1,"b":2,"a":3})", R"({"":1,"":2})",
        R"({"a":{"b":1,"b":2}})", R"([{"a":1},[{"b":[{"c":1,"c":2}]}]])", R"({"a":{"b":1,"b":2},"a":3})"})
    CAF_CHECK(!unique(text));
}

CAF_TEST(names are compared as they are read and not as they are written) {
  CAF_CHECK(!unique(R"({"a":1,"\u0061":2})"));
  CAF_CHECK(!unique(R"({"\"":1,"\u0022":2})"));
  CAF_CHECK(!unique(R"({"\\":1,"\u005c":2})"));
  CAF_CHECK(unique(R"({"\\u0061":1,"a":2})"));
}

CAF_TEST(many names and many escapes take no longer than they are long) {
  std::string names = "{\"a\":0";
  for (int i = 0; i < 100'000; ++i)
    names += ",\"" + std::to_string(i) + "\":0";
  CAF_CHECK(unique(names + "}"));
  CAF_CHECK(!unique(names + ",\"99999\":1}"));
  std::string escapes;
  for (int i = 0; i < 1'000'000; ++i)
    escapes += i % 3 == 0 ? "\\\"" : "\\\\";
  CAF_CHECK(unique("{\"" + escapes + "\":\"" + escapes + "\"}"));
}
