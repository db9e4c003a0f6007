#pragma once

#include "text/identity.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// The form in which an e-mail identity is stored today; nothing when it would be refused today.
inline std::optional<std::string> normal_email(std::string_view external_id) {
  auto normal = text::normalize_external_id(identity_kind::email, external_id);
  return normal ? std::optional{*std::move(normal)} : std::nullopt;
}

} // namespace portcullis
