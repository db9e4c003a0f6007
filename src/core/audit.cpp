#include "core/audit.hpp"

#include "core/base62.hpp"
#include "core/token.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace portcullis {

namespace {

constexpr std::string_view withheld = "[withheld]";

/// A prefix of ours with so many digits behind it is a secret or a part of one, whether or not its checksum fits.
constexpr std::size_t secret_digits_min = 12;

/// What ends a word in which an `@` stands for an e-mail address.
constexpr std::string_view separators = " \t\r\n\",;:<>()[]";

/// How many bytes of a secret, or of several in a row, `text` begins with.
std::size_t secret_length(std::string_view text) noexcept {
  const auto prefix = text.substr(0, secret_text::prefix_length);
  if (prefix != token::prefix && prefix != caller_key_prefix)
    return 0;
  auto end = prefix.size();
  while (end < text.size() && (base62::is_digit(text[end]) || text[end] == '_'))
    ++end;
  return end >= prefix.size() + secret_digits_min ? end : 0;
}

std::string without_secrets(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = secret_length(text);
    out.append(length > 0 ? withheld : text.substr(0, 1));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string without_addresses(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find_first_of(separators));
    const bool is_address = word.find('@') != std::string_view::npos;
    out.append(is_address ? withheld : word);
    text.remove_prefix(word.size());
    out.append(text.substr(0, 1));
    text.remove_prefix(std::min<std::size_t>(text.size(), 1));
  }
  return out;
}

} // namespace

std::string_view to_string(audit_action action) noexcept {
  switch (action) {
  case audit_action::session_minted:
    return "session.minted";
  case audit_action::session_revoked:
    return "session.revoked";
  case audit_action::account_created:
    return "account.created";
  case audit_action::account_renamed:
    return "account.renamed";
  case audit_action::account_revoked:
    return "account.revoked";
  case audit_action::account_deleted:
    return "account.deleted";
  case audit_action::account_reaped:
    return "account.reaped";
  case audit_action::account_read:
    return "account.read";
  case audit_action::identity_linked:
    return "identity.linked";
  case audit_action::identity_unlinked:
    return "identity.unlinked";
  case audit_action::player_seated:
    return "player.seated";
  case audit_action::player_unseated:
    return "player.unseated";
  case audit_action::reaper_run:
    return "reaper.run";
  case audit_action::caller_refused:
    return "caller.refused";
  }
  return {};
}

std::optional<audit_action> parse_audit_action(std::string_view text) noexcept {
  const auto found = std::find_if(all_audit_actions.begin(), all_audit_actions.end(),
                                  [&](auto action) { return to_string(action) == text; });
  return found == all_audit_actions.end() ? std::nullopt : std::optional{*found};
}

// The layout is that of backend.audit_event_id: 48 bits of milliseconds, version 7, the microsecond within the
// millisecond times four, variant, a count.
uuid first_audit_id(timestamp at) noexcept {
  constexpr std::int64_t ms_max = (std::int64_t{1} << 48) - 1;
  const auto us = std::max<std::int64_t>(at.time_since_epoch().count(), 0);
  const auto ms = std::min(us / 1000, ms_max);
  const auto fraction = us % 1000 * 4;
  uuid id;
  for (std::size_t i = 0; i < 6; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | fraction >> 8);
  id.bytes[7] = static_cast<std::uint8_t>(fraction);
  id.bytes[8] = 0x80;
  return id;
}

std::string withhold_secrets(std::string_view text) {
  auto out = text.find('_') == std::string_view::npos ? std::string{text} : without_secrets(text);
  return out.find('@') == std::string::npos ? out : without_addresses(out);
}

} // namespace portcullis
