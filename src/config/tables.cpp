#include "config/settings.hpp"
#include "config/variables.hpp"

#include <algorithm>

/// The variables' descriptions in the forms that people read.
namespace portcullis::config {

std::string describe(const settings& values, const environment& env) {
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const variable& v : variables()) {
    lines.push_back(std::string{v.name} + '=' + v.show(values));
    width = std::max(width, lines.back().size());
  }
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = env.find(variables()[i].name);
    const bool is_given = found != env.end() && !found->second.empty();
    out += lines[i].append(width - lines[i].size(), ' ') + (is_given ? "  # environment\n" : "  # default\n");
  }
  return out;
}

std::string help_table() {
  const settings defaults;
  std::string out;
  for (const variable& v : variables()) {
    const std::string fallback = v.is_required ? "required" : "default " + v.show(defaults);
    out += "  " + std::string{v.name} + " (" + fallback + ")\n";
    out += "      " + std::string{v.help} + "\n";
    out += "      takes " + v.takes + "\n";
  }
  return out;
}

std::string markdown_table() {
  const settings defaults;
  std::string out = "| variable | default | takes | what it is |\n|---|---|---|---|\n";
  for (const variable& v : variables()) {
    const std::string fallback = v.is_required ? "**required**" : '`' + v.show(defaults) + '`';
    out +=
      "| `" + std::string{v.name} + "` | " + fallback + " | " + v.takes + " | " + std::string{v.help} + " |\n";
  }
  return out;
}

} // namespace portcullis::config
