#include "core/model.hpp"

#include "core/utf8.hpp"

#include <algorithm>
#include <charconv>

namespace portcullis {

namespace {

constexpr std::size_t email_bytes_max = 254;       // RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets
constexpr std::size_t email_local_bytes_max = 64;  // section 4.5.3.1.1
constexpr std::size_t domain_label_bytes_max = 63; // RFC 1035, section 2.3.4

bool is_ascii_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_lower_alnum(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

bool is_beyond_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x80;
}

/// `atext` of RFC 5322, section 3.2.3, as RFC 6532 extends it; letters are lower-case by now.
bool is_local_char(char c) noexcept {
  return is_lower_alnum(c) || is_beyond_ascii(c)
         || (c != '\0' && std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos);
}

bool is_domain_char(char c) noexcept {
  return is_lower_alnum(c) || is_beyond_ascii(c) || c == '-';
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_ascii_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back()))
    text.remove_suffix(1);
  return text;
}

/// True if `text` is one or more parts, separated by single dots, that each satisfy `is_part`.
template <class Predicate>
bool is_dotted(std::string_view text, Predicate is_part) {
  for (;;) {
    const auto dot = text.find('.');
    if (!is_part(text.substr(0, dot)))
      return false;
    if (dot == std::string_view::npos)
      return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_local_part(std::string_view text) noexcept {
  return text.size() <= email_local_bytes_max && is_dotted(text, [](std::string_view atom) {
           return !atom.empty() && std::all_of(atom.begin(), atom.end(), is_local_char);
         });
}

bool is_domain(std::string_view text) noexcept {
  return is_dotted(text, [](std::string_view label) {
    return !label.empty() && label.size() <= domain_label_bytes_max && label.front() != '-' && label.back() != '-'
           && std::all_of(label.begin(), label.end(), is_domain_char);
  });
}

/// The first thing that is wrong with a trimmed, lower-case address; empty if nothing is.
std::string_view email_fault(std::string_view text) noexcept {
  if (text.empty())
    return "An e-mail address must not be empty.";
  if (text.size() > email_bytes_max)
    return "An e-mail address has at most 254 bytes.";
  if (std::any_of(text.begin(), text.end(), [](char c) { return (c >= '\0' && c <= ' ') || c == '\x7f'; }))
    return "An e-mail address holds no white space and no control characters.";
  if (!is_valid_utf8(text))
    return "An e-mail address must be valid UTF-8.";
  const auto at = text.find('@');
  if (at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos)
    return "An e-mail address has exactly one @.";
  if (!is_local_part(text.substr(0, at)))
    return "The part of the e-mail address before the @ is not acceptable.";
  if (!is_domain(text.substr(at + 1)))
    return "The domain of the e-mail address is not acceptable.";
  return {};
}

std::string_view telegram_fault(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  // from_chars takes a minus sign and leading zeros: a positive value without a zero in front excludes both.
  if (error != std::errc{} || last != end || value <= 0 || text.front() == '0')
    return "A Telegram id is a decimal number from 1 to 9223372036854775807 without sign or leading zeros.";
  return {};
}

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

std::optional<std::string> normalize_external_id(identity_kind kind, std::string_view text, std::string* reason) {
  std::string value{trim(text)};
  if (kind == identity_kind::email)
    for (char& c : value)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c - 'A' + 'a');
  const auto fault = kind == identity_kind::email ? email_fault(value) : telegram_fault(value);
  if (fault.empty())
    return value;
  if (reason != nullptr)
    *reason = fault;
  return std::nullopt;
}

std::optional<cursor> cursor::parse(std::string_view text) noexcept {
  if (text.size() <= epoch_digits || text[epoch_digits] != '-')
    return std::nullopt;
  cursor c;
  for (const char digit : text.substr(0, epoch_digits)) {
    if (digit >= '0' && digit <= '9')
      c.epoch = c.epoch << 4 | static_cast<std::uint64_t>(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      c.epoch = c.epoch << 4 | static_cast<std::uint64_t>(digit - 'a' + 10);
    else
      return std::nullopt;
  }
  const auto seq = parse_canonical_decimal(text.substr(epoch_digits + 1));
  if (!seq)
    return std::nullopt;
  c.seq = *seq;
  return c;
}

std::string to_string(const cursor& c) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text(epoch_digits, '\0');
  for (std::size_t i = 0; i < epoch_digits; ++i)
    text[i] = digits[c.epoch >> (4 * (epoch_digits - 1 - i)) & 0x0f];
  text += '-';
  text += std::to_string(c.seq);
  return text;
}

} // namespace portcullis
