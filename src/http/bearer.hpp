#pragma once

#include "core/result.hpp"
#include "http/request.hpp"

#include <string_view>

namespace portcullis::http {

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1), which has the form of one of ours; or
/// `token_missing` or `token_malformed`. A view into the request.
result<std::string_view> bearer_token(const request& r);

} // namespace portcullis::http
