#include "config/variable_kinds.hpp"

#include <algorithm>

namespace portcullis::config {

const std::vector<variable>& variables(role whose) {
  static const std::vector<variable> service = service_variables();
  static const std::vector<variable> edge = edge_variables();
  return whose == role::edge ? edge : service;
}

const variable* find_variable(role whose, std::string_view name) {
  const auto& all = variables(whose);
  const auto found = std::find_if(all.begin(), all.end(), [&](const variable& v) { return v.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view prefix_of(role whose) noexcept {
  return whose == role::edge ? "GATEWAY_" : "BACKEND_";
}

} // namespace portcullis::config
