#include "text/device.hpp"

#include "core/ascii.hpp"
#include "text/unicode.hpp"

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

namespace portcullis::text {

namespace {

/// What is looked at: more than fits into any bound, whatever is dropped from an honest text.
constexpr std::size_t given_bytes_max = std::size_t{16} * 1024;

struct closer {
  void operator()(UBreakIterator* breaks) const noexcept {
    ubrk_close(breaks);
  }
  void operator()(UText* text) const noexcept {
    utext_close(text);
  }
};

/// The last boundary between user-perceived characters (UAX 29) at or before `limit`, which is one between code
/// points; 0 if there is none.
std::size_t last_boundary(std::string_view text, std::size_t limit) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UText, closer> view{
    utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status)};
  const std::unique_ptr<UBreakIterator, closer> breaks{ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &status)};
  if (U_SUCCESS(status))
    ubrk_setUText(breaks.get(), view.get(), &status);
  if (U_FAILURE(status))
    return 0;
  const auto at = static_cast<int32_t>(limit);
  if (ubrk_isBoundary(breaks.get(), at) != 0)
    return limit;
  return static_cast<std::size_t>(std::max(ubrk_preceding(breaks.get(), at), 0));
}

std::string cut(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;
  const auto boundary = last_boundary(text, end);
  text.resize(boundary > 0 ? boundary : end);
  return text;
}

std::optional<std::string> canonical(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos)
    return {};
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<char, INET6_ADDRSTRLEN> out{};
  in_addr four{};
  if (inet_pton(AF_INET, terminated.data(), &four) == 1)
    return std::string{inet_ntop(AF_INET, &four, out.data(), out.size())};
  in6_addr six{};
  if (inet_pton(AF_INET6, terminated.data(), &six) != 1)
    return {};
  if (IN6_IS_ADDR_V4MAPPED(&six) != 0) {
    std::memcpy(&four, six.s6_addr + 12, sizeof four);
    return std::string{inet_ntop(AF_INET, &four, out.data(), out.size())};
  }
  return std::string{inet_ntop(AF_INET6, &six, out.data(), out.size())};
}

/// `:` and a port, which RFC 3986 lets be empty, or nothing.
bool is_port_part(std::string_view text) noexcept {
  if (text.empty())
    return true;
  if (text.front() != ':' || text.size() > 6 || !std::all_of(text.begin() + 1, text.end(), ascii::is_digit))
    return false;
  int port = 0;
  for (const char c : text.substr(1))
    port = port * 10 + (c - '0');
  return port <= 65535;
}

} // namespace

std::string storable_text(std::string_view text, std::size_t bytes_max) {
  const auto length = static_cast<int32_t>(std::min(text.size(), given_bytes_max));
  const auto given = icu::UnicodeString::fromUTF8({text.data(), length});
  icu::UnicodeString kept;
  for (int32_t i = 0; i < given.length(); i = given.moveIndex32(i, 1))
    if (const auto c = given.char32At(i); !is_control(c) && !is_line_separator(c))
      kept.append(c);
  return cut(encode(kept), bytes_max);
}

std::string storable_address(std::string_view text) {
  auto host = ascii::trim(text, ascii::white_space);
  if (!host.empty() && host.front() == '[') {
    const auto end = std::min(host.find(']'), host.size());
    if (end == host.size() || !is_port_part(host.substr(end + 1)))
      return {};
    host = host.substr(1, end - 1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos && host.rfind(':') == colon) {
    // One colon: a port behind an IPv4 address. With more it is a part of an IPv6 address.
    if (!is_port_part(host.substr(colon)))
      return {};
    host = host.substr(0, colon);
  }
  // Only IPv6 addresses have zones (RFC 4007, section 11).
  if (const auto zone = host.find('%'); zone != std::string_view::npos) {
    if (host.substr(0, zone).find(':') == std::string_view::npos)
      return {};
    host = host.substr(0, zone);
  }
  return canonical(host).value_or("");
}

} // namespace portcullis::text
