#include "text/identity.hpp"

#include "core/ascii.hpp"
#include "text/unicode.hpp"

#include <unicode/idna.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace portcullis::text {

namespace {

constexpr std::size_t email_bytes_max = 254;      // RFC 5321, section 4.5.3.1.3: a path of 256 with its brackets
constexpr std::size_t email_local_bytes_max = 64; // section 4.5.3.1.1
/// What is looked at before it is normalized, which may shorten it: decomposed characters have up to four times
/// the bytes of composed ones, and characters of domains are at most four bytes for one.
constexpr std::size_t given_bytes_max = 4 * email_bytes_max;

failure refused(std::string_view why) {
  return {errc::value_unacceptable, std::string{why}};
}

const icu::IDNA& uts46() {
  static const std::unique_ptr<icu::IDNA> instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::IDNA> made{icu::IDNA::createUTS46Instance(
      UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII, status)};
    if (U_FAILURE(status)) {
      std::fprintf(stderr, "portcullis: ICU cannot work: %s\n", u_errorName(status));
      std::abort();
    }
    return made;
  }();
  return *instance;
}

/// The ASCII form; nothing when `domain` is not one. Labels like `r3--sn`, which UTS 46 keeps for codings to come,
/// are in use and taken as they are.
std::optional<icu::UnicodeString> to_ascii(const icu::UnicodeString& domain) {
  icu::UnicodeString ascii_form;
  icu::IDNAInfo info;
  UErrorCode status = U_ZERO_ERROR;
  uts46().nameToASCII(domain, ascii_form, info, status);
  if (U_FAILURE(status) || (info.getErrors() & ~static_cast<uint32_t>(UIDNA_ERROR_HYPHEN_3_4)) != 0)
    return {};
  return ascii_form;
}

/// What no address holds, in a local part or a domain.
std::string_view foreign_character(const icu::UnicodeString& text) {
  if (find_code_point(text, [](UChar32 c) { return u_isUWhiteSpace(c) != 0; }) >= 0)
    return "An e-mail address holds no white space.";
  if (find_code_point(text, is_control) >= 0)
    return "An e-mail address holds no control characters.";
  if (find_code_point(text, is_invisible) >= 0)
    return "An e-mail address holds no format characters and nothing else that is invisible.";
  if (find_code_point(text, is_unassigned) >= 0)
    return "An e-mail address holds no code points that Unicode has not assigned.";
  return {};
}

/// `atext` of RFC 5322, section 3.2.3, as RFC 6532 extends it.
bool is_atom_char(UChar32 c) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~";
  return c >= 0x80 || ascii::is_alphanumeric(static_cast<char>(c))
         || marks.find(static_cast<char>(c)) != std::string_view::npos;
}

/// Atoms with single dots between them.
bool is_dot_atom(const icu::UnicodeString& text) {
  if (text.isEmpty() || text.startsWith(u".") || text.endsWith(u".", 1) || text.indexOf(u"..") >= 0)
    return false;
  return find_code_point(text, [](UChar32 c) { return c != '.' && !is_atom_char(c); }) < 0;
}

} // namespace

result<std::string> normalize_email(std::string_view text) {
  const auto given = ascii::trim(text, ascii::white_space);
  if (given.empty())
    return refused("An e-mail address must not be empty.");
  if (given.size() > given_bytes_max)
    return refused("An e-mail address has at most 254 bytes.");
  const auto address = decode(given);
  if (!address)
    return refused("An e-mail address must be valid UTF-8.");
  if (const auto why = foreign_character(*address); !why.empty())
    return refused(why);
  const auto at = address->indexOf(u'@');
  if (at < 0 || address->indexOf(u'@', at + 1) >= 0)
    return refused("An e-mail address has exactly one @.");
  const auto local = fold_case(address->tempSubString(0, at));
  if (!is_dot_atom(local))
    return refused("The part of the e-mail address before the @ is not acceptable.");
  const auto domain = to_ascii(address->tempSubString(at + 1));
  if (!domain || domain->isEmpty() || domain->endsWith(u".", 1))
    return refused("The domain of the e-mail address is not acceptable.");
  auto normalized = encode(local);
  if (normalized.size() > email_local_bytes_max)
    return refused("The part of the e-mail address before the @ has at most 64 bytes.");
  normalized += '@';
  domain->toUTF8String(normalized);
  if (normalized.size() > email_bytes_max)
    return refused("An e-mail address has at most 254 bytes.");
  return normalized;
}

result<std::string> normalize_telegram_id(std::string_view text) {
  const auto digits = ascii::trim(text, ascii::white_space);
  std::int64_t value = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, value);
  // from_chars takes a minus sign and leading zeros: a positive value without a zero in front excludes both.
  if (error != std::errc{} || last != end || value <= 0 || digits.front() == '0')
    return refused(
      "A Telegram id is a decimal number from 1 to 9223372036854775807 without sign or leading zeros.");
  return std::string{digits};
}

result<std::string> normalize_external_id(identity_kind kind, std::string_view text) {
  return kind == identity_kind::email ? normalize_email(text) : normalize_telegram_id(text);
}

std::optional<std::string> fold_identity_prefix(std::string_view text) {
  if (text.empty() || text.size() > given_bytes_max)
    return {};
  const auto given = decode(text);
  if (!given || !foreign_character(*given).empty())
    return {};
  const auto at = given->indexOf(u'@');
  auto prefix = fold_case(at < 0 ? *given : given->tempSubString(0, at));
  if (at >= 0) {
    const auto domain = given->tempSubString(at + 1);
    const auto cut = domain.lastIndexOf(u'.') + 1; // complete labels are before it
    prefix.append(u'@');
    for (const auto& part : {domain.tempSubString(0, cut), domain.tempSubString(cut)})
      prefix.append(to_ascii(part).value_or(fold_case(part)));
  }
  auto folded = encode(prefix);
  if (folded.size() > email_bytes_max)
    return {};
  return folded;
}

} // namespace portcullis::text
