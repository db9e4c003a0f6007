#pragma once

#include "core/result.hpp"
#include "trust/caller_registry.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace portcullis::trust {

inline constexpr std::size_t callers_file_bytes_max = 1024 * 1024;
inline constexpr std::size_t callers_max = 1024;
inline constexpr std::size_t caller_name_bytes_max = 64;
inline constexpr std::size_t caller_keys_max = 8; // of one caller
inline constexpr std::size_t caller_certificates_max = 16;
inline constexpr std::size_t caller_words_max = 32; // in `may`

/// 1 to `caller_name_bytes_max` letters, digits, dots, hyphens or underscores.
bool is_caller_name(std::string_view text) noexcept;

/// Reads the callers' file (`BACKEND_CALLERS_FILE`):
///
///     {"callers": [{"name": "gateway", "may": ["internal", "user", "public"],
///                   "keys": ["<64 hexadecimal digits: the SHA-256 of a key>"],
///                   "certificates": ["spiffe://example.org/gateway", "gateway.example.org"],
///                   "rate": {"quota": 1000, "window_s": 1}}]}
///
/// `may` takes the words of `parse_right`. A caller has at least one key or certificate; `rate` is optional. A
/// file without callers is one: nobody may ask. Unknown members are refused, since one that is misspelt would
/// grant or take what nobody meant.
///
/// The failure (`value_unacceptable`) lists all that is wrong, each with its path in the document and separated by
/// "; ": `callers[0].may[1]: …`. It never repeats what stands where a key belongs.
result<std::shared_ptr<const caller_registry>> parse_callers(std::string_view text);

} // namespace portcullis::trust
