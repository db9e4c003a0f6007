#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What a client tells of its device is a note beside the session, so it is taken as well as it can be and never a
/// reason to refuse a log-in.
namespace portcullis::text {

inline constexpr std::size_t device_label_bytes_max = 128;
inline constexpr std::size_t user_agent_bytes_max = 512;

/// `text` without control characters and line separators, cut before the first user-perceived character that does
/// not fit into `bytes_max` (before the first code point, where one such character alone is longer). Bytes that
/// are not UTF-8 become U+FFFD.
std::string storable_text(std::string_view text, std::size_t bytes_max);

/// The canonical text of the IPv4 or IPv6 address in `text`, which may have white space around it, a port,
/// brackets and a zone; an IPv4 address that is mapped into IPv6 becomes itself. Empty when there is no such
/// address: rather none than a wrong one.
std::string storable_address(std::string_view text);

} // namespace portcullis::text
