#pragma once

#include "core/error.hpp"
#include "http/request.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace portcullis::http {

/// How the body that follows a head is framed (RFC 9112, section 6).
struct body_framing {
  bool is_chunked = false;
  std::uint64_t length = 0; // of a body that is not chunked
  bool expects_continue = false;
};

/// Parses a complete head, up to and including its empty line, whose lines `head_scanner` has found in order. The
/// views in `out` point into `head`. Returns why the request is refused, if it is.
std::optional<failure> parse_head(std::string_view head, request& out, body_framing& framing);

} // namespace portcullis::http
