#pragma once

#include "config/settings.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// The one description of every variable.
namespace portcullis::config {

struct variable {
  std::string name;
  std::string takes; // `an integer from 1 to 10000`
  std::string_view help;
  bool is_required = false;
  bool is_secret = false;

  /// Puts the value where it belongs. Returns what is wrong with it, or nothing.
  std::function<std::string(settings&, std::string_view)> set;

  /// The value in force, in a form that `set` takes; of a secret, the masked form.
  std::function<std::string(const settings&)> show;
};

/// All of a role's, in the order in which they are documented.
const std::vector<variable>& variables(role whose);

/// The role's variable of that name, or null.
const variable* find_variable(role whose, std::string_view name);

/// `BACKEND_` or `GATEWAY_`.
std::string_view prefix_of(role whose) noexcept;

} // namespace portcullis::config
