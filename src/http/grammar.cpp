#include "http/grammar.hpp"

namespace portcullis::http {

namespace {

/// The length of the quoted string that `text` begins with, its quotes included; 0 if it does not end.
std::size_t quoted_length(std::string_view text) noexcept {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"')
      return i + 1;
    if (text[i] == '\\')
      ++i;
  }
  return 0;
}

} // namespace

std::string_view take_until_unquoted(std::string_view& text, char mark) noexcept {
  std::size_t end = 0;
  while (end < text.size() && text[end] != mark) {
    // A quote that is never closed hides the rest: what stands in it may be anything.
    const auto quoted = text[end] == '"' ? quoted_length(text.substr(end)) : 1;
    end = quoted == 0 ? text.size() : end + quoted;
  }
  const auto piece = text.substr(0, end);
  text.remove_prefix(end < text.size() ? end + 1 : end);
  return ascii::trim(piece, blanks);
}

bool media_parameter::value_is(std::string_view text) const noexcept {
  if (value.empty() || value.front() != '"')
    return ascii::iequals(value, text);
  std::size_t matched = 0;
  for (std::size_t i = 1; i + 1 < value.size(); ++i) {
    if (value[i] == '\\')
      ++i;
    if (matched == text.size() || ascii::to_lower(value[i]) != ascii::to_lower(text[matched]))
      return false;
    ++matched;
  }
  return matched == text.size();
}

std::optional<media_parameter> parse_parameter(std::string_view text) noexcept {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return {};
  const media_parameter parsed{text.substr(0, equals), text.substr(equals + 1)};
  const bool is_quoted =
    !parsed.value.empty() && parsed.value.front() == '"' && quoted_length(parsed.value) == parsed.value.size();
  if (!is_token(parsed.name) || !(is_quoted || is_token(parsed.value)))
    return {};
  return parsed;
}

} // namespace portcullis::http
