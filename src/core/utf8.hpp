#pragma once

#include <string_view>

namespace portcullis {

/// True if `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
/// PostgreSQL refuses anything else as text, and NUL too, which is well-formed here.
bool is_valid_utf8(std::string_view text) noexcept;

} // namespace portcullis
