#include "actors/messages.hpp"

#include <caf/message.hpp>

namespace portcullis {

caf::error to_caf(failure what) {
  return {what.code, std::move(what.detail), std::move(what.sqlstate)};
}

failure to_failure(const caf::error& err) {
  if (err.category() != caf::detail::error_factory<errc>::category)
    return {errc::internal, "the service could not complete the request"};
  auto code = static_cast<errc>(err.code());
  if (!err.context().match_elements<std::string, std::string>())
    return {code, ""};
  return {code, err.context().get_as<std::string>(0), err.context().get_as<std::string>(1)};
}

} // namespace portcullis
