#include "http/router.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace portcullis::http {

namespace {

constexpr std::string_view below = "/**";

bool is_subtree(std::string_view pattern) noexcept {
  return pattern.size() > below.size() && pattern.substr(pattern.size() - below.size()) == below;
}

/// Cuts the first segment off `path`, which begins with `/`.
std::string_view take_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

/// A `{…}` segment stands for any text that is not empty.
bool matches(std::string_view pattern, std::string_view path, path_params& params) noexcept {
  std::size_t count = 0;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (wanted.front() != '{') {
      if (wanted != given)
        return false;
    } else if (given.empty()) {
      return false;
    } else {
      params[count++] = given;
    }
  }
  return pattern.empty() && path.empty();
}

bool is_within(std::string_view path, std::string_view root) noexcept {
  return path.substr(0, root.size()) == root && (path.size() == root.size() || path[root.size()] == '/');
}

/// In the order in which `Allow` lists them.
constexpr std::array<std::pair<verb, std::string_view>, 6> methods{{
  {verb::get, "GET, HEAD"},
  {verb::post, "POST"},
  {verb::put, "PUT"},
  {verb::patch, "PATCH"},
  {verb::delete_, "DELETE"},
  {verb::options, "OPTIONS"},
}};

template <class Routes>
std::string allow_of(const Routes& routes) {
  std::string allow;
  for (const auto& [method, text] : methods) {
    const auto takes = [method = method](const route* r) { return r->method == method; };
    if (std::any_of(routes.begin(), routes.end(), takes))
      allow.append(allow.empty() ? "" : ", ").append(text);
  }
  return allow;
}

} // namespace

void router::add(route r) {
  r.index = routes_.size();
  r.method_and_pattern = std::string{method_name(r.method)}.append(" ").append(r.pattern);
  const auto& added = routes_.emplace_back(std::move(r));
  auto& at = resource_at(added.pattern);
  at.routes.push_back(&added);
  at.allow = allow_of(at.routes);
}

router::resource& router::resource_at(std::string_view pattern) {
  const auto known =
    std::find_if(resources_.begin(), resources_.end(), [&](const resource& r) { return r.pattern == pattern; });
  if (known != resources_.end())
    return *known;
  auto& made = resources_.emplace_back();
  made.pattern = pattern;
  if (is_subtree(pattern))
    subtrees_.push_back(&made);
  else if (pattern.find('{') != std::string_view::npos)
    parameterized_.push_back(&made);
  else
    exact_.emplace(pattern, &made);
  return made;
}

router::match router::choose(const resource& at, verb method) noexcept {
  match result;
  result.is_path_known = true;
  for (const auto* r : at.routes)
    if (r->method == method || r->method == verb::any)
      result.to = r;
  if (result.to == nullptr)
    result.allow = at.allow;
  return result;
}

router::match router::find(verb method, std::string_view path) const noexcept {
  const auto wanted = method == verb::head ? verb::get : method;
  if (last_exact_ != nullptr && last_exact_->pattern == path)
    return choose(*last_exact_, wanted);
  if (const auto found = exact_.find(path); found != exact_.end()) {
    last_exact_ = found->second;
    return choose(*last_exact_, wanted);
  }
  for (const auto* tree : subtrees_)
    if (is_within(path, tree->pattern.substr(0, tree->pattern.size() - below.size())))
      return choose(*tree, wanted);
  if (path.empty() || path.front() != '/')
    return {};
  for (const auto* candidate : parameterized_) {
    path_params params{};
    if (!matches(candidate->pattern, path, params))
      continue;
    auto result = choose(*candidate, wanted);
    result.params = params;
    return result;
  }
  return {};
}

std::string_view to_string(audience group) noexcept {
  switch (group) {
  case audience::probe:
    return "probe";
  case audience::public_:
    return "public";
  case audience::internal:
    return "internal";
  case audience::user:
    return "user";
  case audience::admin:
    return "admin";
  }
  return "internal";
}

} // namespace portcullis::http
