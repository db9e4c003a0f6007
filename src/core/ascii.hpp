#pragma once

#include <algorithm>
#include <string_view>

/// Text of protocols: ASCII whatever the locale.
namespace portcullis::ascii {

/// What is trimmed from values that people type: space and HTAB, LF, VT, FF, CR.
inline constexpr std::string_view white_space = " \t\n\v\f\r";

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_alphanumeric(char c) noexcept {
  const char lower = to_lower(c);
  return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

/// Whether `test` holds for a byte of `text`. It looks at all of them, without a branch between, so that the
/// compiler can take sixteen in one step.
template <class Test>
constexpr bool any_of(std::string_view text, Test test) noexcept {
  unsigned char found = 0; // a bool would not be put into such steps
  for (const char c : text)
    found = static_cast<unsigned char>(found | static_cast<unsigned char>(test(c)));
  return found != 0;
}

/// Beast's own reads one byte beyond texts that differ in case (1.81).
inline bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size()
         && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

/// Without the `blanks` on both sides.
constexpr std::string_view trim(std::string_view text, std::string_view blanks) noexcept {
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace portcullis::ascii
