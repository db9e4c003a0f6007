#include "config/settings.hpp"
#include "config/variables.hpp"

#include <algorithm>

/// The variables' descriptions in the forms that people read.
namespace portcullis::config {

namespace {

std::string shown(const variable& v, const settings& values) {
  auto text = v.show(values);
  return text.empty() ? "none" : text;
}

std::string default_cell(const std::string& text) {
  return text.empty() ? "none" : '`' + text + '`';
}

} // namespace

std::string describe(const settings& values, const environment& env) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const variable& v : variables(values.role)) {
    lines.push_back(v.name + '=' + v.show(values));
    width = std::max(width, lines.back().size());
  }
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = env.find(variables(values.role)[i].name);
    const bool is_given = found != env.end() && !found->second.empty();
    out += lines[i].append(width - lines[i].size(), ' ') + (is_given ? "  # environment\n" : "  # default\n");
  }
  return out;
}

std::string help_table(role whose) {
  const settings defaults = defaults_of(whose);
  std::string out;
  for (const variable& v : variables(whose)) {
    const std::string fallback = v.is_required ? "required" : "default " + shown(v, defaults);
    out += "  " + v.name + " (" + fallback + ")\n";
    out += "      " + std::string{v.help} + "\n";
    out += "      takes " + v.takes + "\n";
  }
  return out;
}

std::string markdown_table(role whose) {
  const settings defaults = defaults_of(whose);
  std::string out = "| variable | default | takes | what it is |\n|---|---|---|---|\n";
  for (const variable& v : variables(whose)) {
    const std::string fallback = v.is_required ? "**required**" : default_cell(v.show(defaults));
    out += "| `" + v.name + "` | " + fallback + " | " + v.takes + " | " + std::string{v.help} + " |\n";
  }
  return out;
}

} // namespace portcullis::config
