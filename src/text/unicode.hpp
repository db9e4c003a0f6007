#pragma once

#include <unicode/unistr.h>

#include <optional>
#include <string>
#include <string_view>

/// Internal to text: what its parts ask ICU for.
namespace portcullis::text {

/// Nothing when `utf8` is not well-formed.
std::optional<icu::UnicodeString> decode(std::string_view utf8);

std::string encode(const icu::UnicodeString& text);

icu::UnicodeString to_nfc(const icu::UnicodeString& text);

/// Without the characters with the property White_Space on both sides.
icu::UnicodeString trim_white_space(const icu::UnicodeString& text);

/// Canonical caseless matching (Unicode, chapter 3, definition D145), in NFC: texts that differ in the case of
/// their letters, or in how those are composed, become the same.
icu::UnicodeString fold_case(const icu::UnicodeString& text);

/// Unassigned, or half of a surrogate pair: a later Unicode may give it any meaning.
bool is_unassigned(UChar32 c) noexcept;

/// C0, DEL and C1.
bool is_control(UChar32 c) noexcept;

/// U+2028 and U+2029.
bool is_line_separator(UChar32 c) noexcept;

/// Shows nothing of its own by its definition: format characters, fillers, joiners, variation selectors.
bool is_invisible(UChar32 c) noexcept;

/// The first code point of `text` for which `predicate` holds; a negative number if there is none.
template <class Predicate>
UChar32 find_code_point(const icu::UnicodeString& text, Predicate predicate) {
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1))
    if (const auto c = text.char32At(i); predicate(c))
      return c;
  return U_SENTINEL;
}

} // namespace portcullis::text
