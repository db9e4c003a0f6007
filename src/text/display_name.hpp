#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace portcullis::text {

inline constexpr std::size_t display_name_code_points_max = 64;

/// A person's name as it is stored: composed (NFC), without white space around it, 1 to 64 code points, of which
/// at least one shows. Refused (`value_unacceptable`): control characters, line and paragraph separators, the
/// characters that embed, override or isolate a direction, and unassigned code points. Joiners stay: scripts and
/// emoji need them.
result<std::string> normalize_display_name(std::string_view text);

} // namespace portcullis::text
