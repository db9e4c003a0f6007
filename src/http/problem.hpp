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

/// The body (RFC 9457): `{"type","title","status","code","detail"}`.
std::string render_problem(const failure& what);

} // namespace portcullis::http
