#include "text/unicode.hpp"

#include "core/utf8.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <cstdio>
#include <cstdlib>

namespace portcullis::text {

namespace {

/// ICU's own data is part of its library: an error here means that the installation is broken or memory is out.
void require(UErrorCode status) {
  if (U_SUCCESS(status))
    return;
  std::fprintf(stderr, "portcullis: ICU cannot work: %s\n", u_errorName(status));
  std::abort();
}

const icu::Normalizer2& nfc() {
  static const icu::Normalizer2& instance = [&]() -> const icu::Normalizer2& {
    UErrorCode status = U_ZERO_ERROR;
    const auto* made = icu::Normalizer2::getNFCInstance(status);
    require(status);
    return *made;
  }();
  return instance;
}

const icu::Normalizer2& nfd() {
  static const icu::Normalizer2& instance = [&]() -> const icu::Normalizer2& {
    UErrorCode status = U_ZERO_ERROR;
    const auto* made = icu::Normalizer2::getNFDInstance(status);
    require(status);
    return *made;
  }();
  return instance;
}

icu::UnicodeString normalize(const icu::Normalizer2& form, const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  auto normalized = form.normalize(text, status);
  require(status);
  return normalized;
}

} // namespace

std::optional<icu::UnicodeString> decode(std::string_view utf8) {
  if (!is_valid_utf8(utf8))
    return {};
  return icu::UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
}

std::string encode(const icu::UnicodeString& text) {
  std::string utf8;
  return text.toUTF8String(utf8);
}

icu::UnicodeString to_nfc(const icu::UnicodeString& text) {
  return normalize(nfc(), text);
}

icu::UnicodeString trim_white_space(const icu::UnicodeString& text) {
  int32_t first = 0;
  int32_t last = text.length();
  while (first < last && u_isUWhiteSpace(text.char32At(first)) != 0)
    first = text.moveIndex32(first, 1);
  while (first < last && u_isUWhiteSpace(text.char32At(last - 1)) != 0)
    last = text.moveIndex32(last, -1);
  return text.tempSubStringBetween(first, last);
}

icu::UnicodeString fold_case(const icu::UnicodeString& text) {
  return to_nfc(normalize(nfd(), text).foldCase(U_FOLD_CASE_DEFAULT));
}

bool is_unassigned(UChar32 c) noexcept {
  const auto category = u_charType(c);
  return category == U_UNASSIGNED || category == U_SURROGATE;
}

bool is_control(UChar32 c) noexcept {
  return u_charType(c) == U_CONTROL_CHAR;
}

bool is_line_separator(UChar32 c) noexcept {
  return c == 0x2028 || c == 0x2029;
}

bool is_invisible(UChar32 c) noexcept {
  return u_charType(c) == U_FORMAT_CHAR || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
}

} // namespace portcullis::text
