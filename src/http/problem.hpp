#pragma once

#include "core/error.hpp"

#include <string>
#include <string_view>

namespace portcullis::http {

/// How an error looks over HTTP.
struct problem {
  int status = 500;
  std::string_view title;
  int retry_after_s = 0; // 0: no `Retry-After`
};

/// The one table from `errc` to HTTP.
const problem& describe(errc code) noexcept;

/// What `type` begins with; the code follows. A name to compare, not an address to fetch (RFC 9457,
/// section 3.1.1).
inline constexpr std::string_view problem_type_prefix = "urn:portcullis:problem:";

/// The body (RFC 9457): `{"type","title","status","code","detail"}`.
std::string render_problem(const failure& what);

} // namespace portcullis::http
