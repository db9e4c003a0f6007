#pragma once

#include "core/error.hpp"
#include "http/request.hpp"

#include <string_view>
#include <variant>

namespace portcullis::http {

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), which has the form of one of ours; or
/// `token_missing` or `token_malformed`. A view into the request.
std::variant<std::string_view, failure> bearer_token(const request& r);

} // namespace portcullis::http
