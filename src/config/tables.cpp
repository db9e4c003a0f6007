#include "config/secret_files.hpp"
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

std::string help_of(const variable& v) {
  return std::string{v.help} + (v.is_secret ? "; or " + file_variable(v) + " names a file that holds it" : "");
}

std::string origin_of(const variable& v, const environment& env) {
  if (!value_of(env, v.name).empty())
    return "environment";
  return v.is_secret && !value_of(env, file_variable(v)).empty() ? file_variable(v) : "default";
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
    const auto origin = origin_of(variables(values.role)[i], env);
    out += lines[i].append(width - lines[i].size(), ' ') + "  # " + origin + '\n';
  }
  return out;
}

std::string help_table(role whose) {
  const settings defaults = defaults_of(whose);
  std::string out;
  for (const variable& v : variables(whose)) {
    const std::string fallback = v.is_required ? "required" : "default " + shown(v, defaults);
    out += "  " + v.name + " (" + fallback + ")\n";
    out += "      " + help_of(v) + "\n";
    out += "      takes " + v.takes + "\n";
  }
  return out;
}

std::string markdown_table(role whose) {
  const settings defaults = defaults_of(whose);
  std::string out = "| variable | default | takes | what it is |\n|---|---|---|---|\n";
  for (const variable& v : variables(whose)) {
    const std::string fallback = v.is_required ? "**required**" : default_cell(v.show(defaults));
    out += "| `" + v.name + "` | " + fallback + " | " + v.takes + " | " + help_of(v) + " |\n";
  }
  return out;
}

} // namespace portcullis::config
