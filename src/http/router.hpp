#pragma once

#include "http/endpoint.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace portcullis::http {

/// An endpoint with the object that answers it.
struct route {
  std::size_t index = 0; // counts up from 0, for tables of numbers
  verb method = verb::any;
  std::string_view pattern;
  std::string_view name;
  std::string method_and_pattern; // `GET /livez`
  audience group = audience::probe;
  trait traits = trait::none;
  std::function<void(const call&, responder)> handler;
};

/// Finds the route of a request. Filled once, before the first request.
class router {
public:
  /// `api` must outlive the router.
  template <class Api, std::size_t Size>
  void add(Api& api, const std::array<endpoint<Api>, Size>& table);

  struct match {
    const route* to = nullptr;
    path_params params{};
    bool is_path_known = false; // false: 404; true without a route: 405
    std::string_view allow;     // the value of `Allow` for a 405
  };

  /// `path` has no query. HEAD is routed as GET. Allocates nothing. Literal segments win over parameters.
  match find(verb method, std::string_view path) const noexcept;

  const std::deque<route>& routes() const noexcept {
    return routes_;
  }

private:
  /// All that can be done at one path.
  struct resource {
    std::string_view pattern;
    std::vector<const route*> routes;
    std::string allow; // HEAD wherever GET is
  };

  void add(route r);
  resource& resource_at(std::string_view pattern);
  static match choose(const resource& at, verb method) noexcept;

  std::deque<route> routes_;
  std::deque<resource> resources_;
  std::unordered_map<std::string_view, const resource*> exact_;
  mutable const resource* last_exact_ = nullptr; // most requests ask for the same as the one before
  std::vector<const resource*> subtrees_;
  std::vector<const resource*> parameterized_;
};

} // namespace portcullis::http

#include "http/server/responder.hpp"

namespace portcullis::http {

template <class Api, std::size_t Size>
void router::add(Api& api, const std::array<endpoint<Api>, Size>& table) {
  for (const auto& row : table) {
    route r;
    r.method = row.method;
    r.pattern = row.pattern;
    r.name = row.name;
    r.group = row.group;
    r.traits = row.traits;
    r.handler = [&api, handler = row.handler](const call& c, responder to) { (api.*handler)(c, to); };
    add(std::move(r));
  }
}

} // namespace portcullis::http
