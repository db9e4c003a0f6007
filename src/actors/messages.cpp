#include "actors/messages.hpp"

#include <caf/message.hpp>

namespace portcullis {

caf::error to_caf(failure what) {
  return {what.code, std::move(what.detail)};
}

failure to_failure(const caf::error& err) {
  if (err.category() != caf::detail::error_factory<errc>::category)
    return {errc::internal, "the service could not complete the request"};
  auto code = static_cast<errc>(err.code());
  std::string detail;
  if (err.context().match_elements<std::string>())
    detail = err.context().get_as<std::string>(0);
  return {code, std::move(detail)};
}

} // namespace portcullis
