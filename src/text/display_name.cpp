#include "text/display_name.hpp"

#include "text/unicode.hpp"

#include <unicode/uchar.h>

namespace portcullis::text {

namespace {

/// LRE to RLO and LRI to PDI: what follows such a character, in whatever text a name is put into, may turn around.
bool steers_direction(UChar32 c) noexcept {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/// Letters, numbers, punctuation and symbols, but for the two symbols that are blank: a mark alone needs a base,
/// and the rest shows nothing.
bool is_visible(UChar32 c) noexcept {
  constexpr UChar32 braille_blank = 0x2800;
  constexpr UChar32 null_notehead = 0x1d159;
  if (is_invisible(c) || c == braille_blank || c == null_notehead)
    return false;
  return (U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_N_MASK | U_GC_P_MASK | U_GC_S_MASK | U_GC_CO_MASK)) != 0;
}

failure refused(std::string_view why) {
  return {errc::value_unacceptable, std::string{why}};
}

} // namespace

result<std::string> normalize_display_name(std::string_view text) {
  const auto given = decode(text);
  if (!given)
    return refused("must be valid UTF-8.");
  const auto name = to_nfc(trim_white_space(*given));
  if (find_code_point(name, is_control) >= 0)
    return refused("must not hold control characters.");
  if (find_code_point(name, is_line_separator) >= 0)
    return refused("must not hold line or paragraph separators.");
  if (find_code_point(name, steers_direction) >= 0)
    return refused("must not hold characters that override or isolate the direction of text.");
  if (find_code_point(name, is_unassigned) >= 0)
    return refused("must not hold code points that Unicode has not assigned.");
  const auto code_points = static_cast<std::size_t>(name.countChar32());
  if (code_points < 1 || code_points > display_name_code_points_max)
    return refused("must have 1 to " + std::to_string(display_name_code_points_max) + " characters.");
  if (find_code_point(name, is_visible) < 0)
    return refused("must hold a character that is visible.");
  return encode(name);
}

} // namespace portcullis::text
