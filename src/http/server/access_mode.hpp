#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace portcullis::http {

/// Which answers are told in the log at the level `info`, beside those of 500 and more and those that changed
/// something: none; one in each second; or all of them.
enum class access_mode : std::uint8_t { off, sampled, full };

constexpr std::string_view to_string(access_mode mode) noexcept {
  switch (mode) {
  case access_mode::off:
    return "off";
  case access_mode::sampled:
    return "sampled";
  case access_mode::full:
    return "full";
  }
  return "off";
}

constexpr std::optional<access_mode> parse_access_mode(std::string_view text) noexcept {
  for (const auto mode : {access_mode::off, access_mode::sampled, access_mode::full})
    if (text == to_string(mode))
      return mode;
  return std::nullopt;
}

} // namespace portcullis::http
