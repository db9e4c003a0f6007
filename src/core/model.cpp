#include "core/model.hpp"

#include "core/ascii.hpp"
#include "core/hex.hpp"

#include <charconv>

namespace portcullis {

namespace {

/// Digits of an unsigned number in its one canonical form: nothing else around, no leading zeros.
std::optional<std::uint64_t> parse_canonical_decimal(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || last != end || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  return value;
}

constexpr std::size_t epoch_digits = 16;

} // namespace

std::string_view to_string(identity_kind kind) noexcept {
  switch (kind) {
  case identity_kind::telegram:
    return "telegram";
  case identity_kind::email:
    return "email";
  }
  return "unknown";
}

std::optional<identity_kind> parse_identity_kind(std::string_view text) noexcept {
  for (const auto kind : {identity_kind::telegram, identity_kind::email})
    if (text == to_string(kind))
      return kind;
  return std::nullopt;
}

std::optional<cursor> cursor::parse(std::string_view text) noexcept {
  if (text.size() <= epoch_digits || text[epoch_digits] != '-')
    return std::nullopt;
  cursor c;
  for (const char digit : text.substr(0, epoch_digits)) {
    if (hex::value(digit) < 0 || digit != ascii::to_lower(digit)) // one form only: cursors are compared as texts
      return std::nullopt;
    c.epoch = c.epoch << 4 | static_cast<std::uint64_t>(hex::value(digit));
  }
  const auto seq = parse_canonical_decimal(text.substr(epoch_digits + 1));
  if (!seq)
    return std::nullopt;
  c.seq = *seq;
  return c;
}

std::string to_string(const cursor& c) {
  std::string text(epoch_digits, '\0');
  for (std::size_t i = 0; i < epoch_digits; ++i)
    text[i] = hex::digits[c.epoch >> (4 * (epoch_digits - 1 - i)) & 0x0f];
  text += '-';
  text += std::to_string(c.seq);
  return text;
}

} // namespace portcullis
