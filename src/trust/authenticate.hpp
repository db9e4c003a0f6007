#pragma once

#include "core/result.hpp"
#include "trust/caller_registry.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::trust {

/// How a caller may say who it is. Views into the request, all of them as they came but for the form's fields,
/// which the form's reader has decoded.
///
/// Which of them a route looks at is the route's part: where `Authorization` carries a person's token, or may be a
/// copy of what a person sent (`verify`), it is left empty here.
struct credentials {
  std::string_view key_header;               // X-Caller-Key: the key
  std::string_view authorization;            // Authorization: Basic name:key; any other scheme counts as nothing
  std::optional<std::string_view> client_id; // RFC 6749, section 2.3.1: in the form body
  std::optional<std::string_view> client_secret;
  const std::vector<std::string>* certificate_names = nullptr; // of a verified client certificate
};

/// Who asks; or `caller_unknown`, with one and the same sentence whichever part was wrong.
///
/// All that is presented must name one and the same caller. The exception is a certificate that no caller has: it
/// counts as none, since a mesh gives every service one. Allocates nothing unless it fails.
result<const caller*> authenticate(const credentials& presented, const caller_registry& registry);

/// The name and the key of `Basic` credentials as RFC 6749, section 2.3.1 has them: each form-encoded, joined by a
/// colon, in base64. Nothing when `authorization` is not of this form or longer than any that names a caller.
class basic_credentials {
public:
  static constexpr std::size_t encoded_bytes_max = 512;

  explicit basic_credentials(std::string_view authorization) noexcept;
  basic_credentials(const basic_credentials&) = delete;
  basic_credentials& operator=(const basic_credentials&) = delete;
  ~basic_credentials(); // wipes

  /// Whether the scheme is Basic at all.
  bool are_given() const noexcept {
    return are_given_;
  }
  bool are_well_formed() const noexcept {
    return are_well_formed_;
  }
  std::string_view name() const noexcept {
    return name_;
  }
  std::string_view key() const noexcept {
    return key_;
  }

private:
  char decoded_[encoded_bytes_max];
  std::string_view name_;
  std::string_view key_;
  bool are_given_ = false;
  bool are_well_formed_ = false;
};

} // namespace portcullis::trust
