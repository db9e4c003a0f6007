#pragma once

#include "core/ascii.hpp"

#include <optional>
#include <string_view>

/// The pieces that HTTP's field values are made of (RFC 9110, section 5.6).
namespace portcullis::http {

/// `OWS` and `BWS` are made of these.
inline constexpr std::string_view blanks = " \t";

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// What a field value may hold: everything but control characters, HTAB apart.
constexpr bool is_text(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

/// Section 5.6.2.
constexpr bool is_token_char(char c) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return ascii::is_alphanumeric(c) || marks.find(c) != std::string_view::npos;
}

constexpr bool is_token(std::string_view text) noexcept {
  for (const char c : text)
    if (!is_token_char(c))
      return false;
  return !text.empty();
}

/// Takes what is before the next `mark` that stands outside of a quoted string, and the mark; all of `text` if
/// there is none. Without the blanks around it.
std::string_view take_until_unquoted(std::string_view& text, char mark) noexcept;

/// `name=value`, where the value is a token or a quoted string, as it is written.
struct media_parameter {
  std::string_view name;
  std::string_view value;

  /// True if the value, once unquoted, is `text` in any case.
  bool value_is(std::string_view text) const noexcept;
};

/// Nothing when `text` is not a parameter: no name, blanks around the `=`, or a value that is neither a token nor
/// one whole quoted string.
std::optional<media_parameter> parse_parameter(std::string_view text) noexcept;

} // namespace portcullis::http
