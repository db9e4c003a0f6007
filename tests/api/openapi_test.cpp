#include "api/access.hpp"
#include "api/openapi_api.hpp"
#include "api/service_routes.hpp"
#include "core/error.hpp"
#include "http/problem.hpp"
#include "http/router.hpp"

#include "caf/test/unit_test.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

// docs/openapi.yaml, as the service serves it, against the endpoint tables, the rights and the table of errors.

using namespace portcullis;
using namespace portcullis::http;
namespace json = boost::json;

namespace {

const json::value& document() {
  static const auto parsed = json::parse(api::openapi_document().body);
  return parsed;
}

std::string text(const json::value& v) {
  return std::string{v.as_string()};
}

/// One operation of the document.
struct operation {
  std::string path; // with the names of its parameters
  std::string method;
  json::object says;

  std::string route() const {
    return text(says.contains("x-route") ? says.at("x-route") : says.at("operationId"));
  }
};

const char* const methods[]{"get", "put", "post", "delete", "patch", "head", "options", "trace"};

std::vector<operation> operations() {
  std::vector<operation> all;
  for (const auto& [path, item] : document().at_pointer("/paths").as_object())
    for (const auto* method : methods)
      if (const auto* found = item.as_object().if_contains(method))
        all.push_back({std::string{path}, method, found->as_object()});
  return all;
}

std::string method_of(verb v) {
  switch (v) {
  case verb::get:
    return "get";
  case verb::post:
    return "post";
  case verb::put:
    return "put";
  case verb::patch:
    return "patch";
  case verb::delete_:
    return "delete";
  default:
    return "any";
  }
}

/// `verb path name` of a route as the document has to say it. What OpenAPI cannot say, a whole subtree and any
/// method, is two paths with the method GET and `x-any-method`.
std::set<std::string> expected_lines(const route& r) {
  const auto method = method_of(r.method);
  const std::string pattern{r.pattern};
  const std::string name{r.name};
  constexpr std::string_view subtree = "/**";
  if (pattern.size() < subtree.size() || pattern.substr(pattern.size() - subtree.size()) != subtree)
    return {method + " " + pattern + " " + name};
  const auto root = pattern.substr(0, pattern.size() - subtree.size());
  return {method + " " + root + " " + name, method + " " + root + "/{path} " + name};
}

const std::deque<route>& routes() {
  static test::service_routes all;
  return all.get().routes();
}

const route* find_route(const std::string& name) {
  const auto found =
    std::find_if(routes().begin(), routes().end(), [&](const route& r) { return r.name == name; });
  return found == routes().end() ? nullptr : &*found;
}

std::set<std::string> words(const json::value& list) {
  std::set<std::string> all;
  for (const auto& word : list.as_array())
    all.insert(text(word));
  return all;
}

std::vector<errc> error_codes() {
  std::vector<errc> all;
  for (auto i = static_cast<int>(errc::none) + 1; i <= static_cast<int>(errc::internal); ++i)
    all.push_back(static_cast<errc>(i));
  return all;
}

std::string status_of(const std::string& code) {
  for (const auto known : error_codes())
    if (to_string(known) == code)
      return std::to_string(describe(known).status);
  return "no such code";
}

const json::object& resolved(const json::value& response) {
  const auto* ref = response.as_object().if_contains("$ref");
  if (ref == nullptr)
    return response.as_object();
  const auto name = text(*ref).substr(std::string{"#/components/responses/"}.size());
  return document().at_pointer("/components/responses/" + name).as_object();
}

/// The codes that a response may have as a problem document.
std::set<std::string> codes_of(const json::value& response) {
  const auto* content = resolved(response).if_contains("content");
  const auto* problem =
    content == nullptr ? nullptr : content->as_object().if_contains("application/problem+json");
  if (problem == nullptr)
    return {};
  const auto& schema = problem->as_object().at("schema").as_object();
  if (!schema.contains("allOf"))
    return words(document().at_pointer("/components/schemas/ProblemCode/enum"));
  return words(json::value(schema).at_pointer("/allOf/1/properties/code/enum"));
}

std::set<std::string> common_codes(const operation& o) {
  const auto& common = document().at_pointer("/x-problem-codes").as_object();
  auto all = words(common.at("every_route"));
  if (o.says.contains("x-right"))
    all.merge(words(common.at("with_a_right")));
  return all;
}

} // namespace

CAF_TEST(the document has the routes of the endpoint tables and no others) {
  std::set<std::string> expected;
  for (const auto& r : routes())
    expected.merge(expected_lines(r));
  std::set<std::string> documented;
  for (const auto& o : operations())
    documented.insert((o.says.contains("x-any-method") ? "any" : o.method) + " " + o.path + " " + o.route());
  for (const auto& line : expected)
    if (documented.count(line) == 0)
      CAF_ERROR("docs/openapi.yaml lacks " << line);
  for (const auto& line : documented)
    if (expected.count(line) == 0)
      CAF_ERROR("docs/openapi.yaml has what no endpoint table has: " << line);
  CAF_CHECK_EQUAL(documented.size(), expected.size());
}

CAF_TEST(each operation says its audience and its right) {
  for (const auto& o : operations()) {
    const auto* to = find_route(o.route());
    const auto* access = api::find_access(o.route());
    CAF_REQUIRE(to != nullptr && access != nullptr);
    CAF_MESSAGE(o.method << " " << o.path);
    CAF_CHECK_EQUAL(text(o.says.at("x-audience")), std::string{to_string(to->group)});
    const auto right = access->needs ? std::string{trust::to_string(*access->needs)} : "none";
    CAF_CHECK_EQUAL(o.says.contains("x-right") ? text(o.says.at("x-right")) : "none", right);
    // Nobody has to prove anything exactly where the document says so.
    const bool is_open = o.says.contains("security") && o.says.at("security").as_array().empty();
    CAF_CHECK_EQUAL(is_open, !access->needs);
    const bool takes_token = json::serialize(o.says).find("sessionToken") != std::string::npos;
    const bool reads_token = access->field == api::authorization::of_person || o.route() == "link_identity";
    CAF_CHECK_EQUAL(takes_token, reads_token);
  }
}

CAF_TEST(the parameters of a path are those of its pattern) {
  for (const auto& [path, item] : document().at_pointer("/paths").as_object()) {
    std::set<std::string> declared;
    const auto& parameters = document().at_pointer("/components/parameters").as_object();
    if (const auto* list = item.as_object().if_contains("parameters"))
      for (const auto& one : list->as_array()) {
        const auto ref = text(one.as_object().at("$ref"));
        const auto& said = parameters.at(ref.substr(ref.rfind('/') + 1)).as_object();
        if (text(said.at("in")) == "path")
          declared.insert("{" + text(said.at("name")) + "}");
      }
    for (const auto& name : declared)
      CAF_CHECK(std::string{path}.find(name) != std::string::npos);
    CAF_CHECK_EQUAL(static_cast<std::size_t>(std::count(path.begin(), path.end(), '{')), declared.size());
  }
}

CAF_TEST(the codes of the document are those of the table of errors) {
  std::set<std::string> known;
  for (const auto code : error_codes())
    known.insert(std::string{to_string(code)});
  CAF_CHECK(words(document().at_pointer("/components/schemas/ProblemCode/enum")) == known);
  std::set<std::string> used;
  for (const auto& o : operations()) {
    used.merge(words(o.says.at("x-problem-codes")));
    used.merge(common_codes(o));
  }
  CAF_CHECK(used == known);
}

CAF_TEST(each response of a problem has the codes of its status) {
  for (const auto& [name, response] : document().at_pointer("/components/responses").as_object()) {
    const auto& example = response.at_pointer("/content/application~1problem+json/example").as_object();
    const auto code = text(example.at("code"));
    CAF_CHECK_EQUAL(std::to_string(example.at("status").as_int64()), status_of(code));
    CAF_CHECK_EQUAL(text(example.at("type")), std::string{problem_type_prefix} + code);
    CAF_CHECK(codes_of(response).count(code) == 1);
  }
}

CAF_TEST(each code of an operation has its status there and each status has a code) {
  for (const auto& o : operations()) {
    CAF_MESSAGE(o.method << " " << o.path);
    const auto& responses = o.says.at("responses").as_object();
    const auto own = words(o.says.at("x-problem-codes"));
    auto codes = own;
    codes.merge(common_codes(o));
    for (const auto& code : codes) {
      const auto status = status_of(code);
      const auto* said = responses.if_contains(status);
      // What concerns the connection is said once, as the default.
      if (said == nullptr && own.count(code) == 0)
        said = responses.if_contains("default");
      if (said == nullptr)
        CAF_ERROR("no response " << status << " for " << code);
      else if (code != "route_unknown" && code != "rate_limited" && code != "caller_unknown")
        CAF_CHECK(codes_of(*said).count(code) == 1);
    }
    for (const auto& [status, response] : responses) {
      if (status == "default" || status[0] < '4')
        continue;
      const auto may = codes_of(response);
      const bool has_one = std::any_of(codes.begin(), codes.end(), [&, &status = status](const std::string& code) {
        return may.count(code) == 1 && status_of(code) == status;
      });
      if (!has_one)
        CAF_ERROR("nothing answers " << std::string{status});
    }
  }
}
