#include "trust/unique_names.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>

namespace portcullis::trust {

namespace {

namespace json = boost::json;

/// The position behind the string that opens at `quote`.
std::size_t string_end(std::string_view text, std::size_t quote) noexcept {
  for (auto end = text.find('"', quote + 1); end != std::string_view::npos; end = text.find('"', end + 1)) {
    const auto escapes = end - 1 - text.find_last_not_of('\\', end - 1); // the opening quote is none
    if (escapes % 2 == 0)
      return end + 1;
  }
  return text.size();
}

/// In valid JSON there is one colon outside of strings for each name that was written.
std::size_t names_written(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = string_end(text, at);
      continue;
    }
    count += text[at] == ':' ? 1 : 0;
    ++at;
  }
  return count;
}

/// The parser has bounded the depth.
std::size_t names_kept(const json::value& value) noexcept { // NOLINT(misc-no-recursion)
  std::size_t count = 0;
  if (const auto* object = value.if_object()) {
    count = object->size();
    for (const auto& member : *object)
      count += names_kept(member.value());
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array)
      count += names_kept(element);
  }
  return count;
}

} // namespace

bool has_unique_names(const json::value& document, std::string_view text) noexcept {
  return names_written(text) == names_kept(document);
}

} // namespace portcullis::trust
