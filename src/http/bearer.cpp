#include "http/bearer.hpp"

#include "core/ascii.hpp"
#include "core/token.hpp"

#include <algorithm>

namespace portcullis::http {

result<std::string_view> bearer_token(const request& r) {
  constexpr std::string_view scheme = "bearer ";
  auto value = r.get(field::authorization);
  if (!ascii::iequals(value.substr(0, scheme.size()), scheme))
    return failure{errc::token_missing, "the request carries no bearer token"};
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (!is_token_form(value))
    return failure{errc::token_malformed, "the bearer token is not one of this service"};
  return value;
}

} // namespace portcullis::http
