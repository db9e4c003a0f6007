#include "config/secret_files.hpp"

#include <algorithm>
#include <fstream>

namespace portcullis::config {

namespace {

constexpr std::size_t secret_bytes_max = 64 * 1024;

failure refuse(std::string detail) {
  return {errc::value_unacceptable, std::move(detail)};
}

} // namespace

std::string file_variable(const variable& secret) {
  return secret.name + std::string{file_suffix};
}

bool is_file_variable(role whose, std::string_view name) {
  const auto& all = variables(whose);
  return std::any_of(all.begin(), all.end(),
                     [&](const variable& v) { return v.is_secret && file_variable(v) == name; });
}

result<std::string> read_secret_file(const variable& secret, const environment& env) {
  const std::string_view path = value_of(env, file_variable(secret));
  if (path.empty())
    return std::string{};
  if (!value_of(env, secret.name).empty())
    return refuse("takes the place of " + secret.name + ", which is set as well: leave one of them out");
  std::ifstream file{std::string{path}, std::ios::binary};
  std::string text(secret_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  // A directory can be opened, and fails to be read.
  if (text.empty() && !file.eof())
    return refuse("takes the path of a file that can be read");
  if (text.size() > secret_bytes_max)
    return refuse("names a file that is too large for a secret");
  text = without_outer_spaces(text);
  if (text.empty())
    return refuse("names a file that is empty");
  return text;
}

} // namespace portcullis::config
