#pragma once

#include "core/time.hpp"
#include "core/trace_point.hpp"
#include "core/uuid.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The audit: who did what to whom, when and why, for people who have to find out later.
namespace portcullis {

/// What is recorded. The words are stored: those that exist do not change.
enum class audit_action : std::uint8_t {
  session_minted,
  session_revoked,
  account_created,
  account_renamed,
  account_revoked, ///< all sessions of an account ended together
  account_deleted,
  account_reaped, ///< an abandoned guest was swept away
  account_read,   ///< an operator was shown an account
  identity_linked,
  identity_unlinked,
  player_seated,
  player_unseated,
  reaper_run,     ///< an operator told the reaper to sweep
  caller_refused, ///< sampled: a caller that is unknown or may not do what it asked
};

inline constexpr std::array all_audit_actions{
  audit_action::session_minted,    audit_action::session_revoked, audit_action::account_created,
  audit_action::account_renamed,   audit_action::account_revoked, audit_action::account_deleted,
  audit_action::account_reaped,    audit_action::account_read,    audit_action::identity_linked,
  audit_action::identity_unlinked, audit_action::player_seated,   audit_action::player_unseated,
  audit_action::reaper_run,        audit_action::caller_refused,
};

/// `session.minted`, `caller.refused`, …
std::string_view to_string(audit_action action) noexcept;
std::optional<audit_action> parse_audit_action(std::string_view text) noexcept;

/// Whose request a change comes from. It travels with the operation and is written by the same transaction.
struct audit_origin {
  std::string actor;  // which interface asked: `public`, `internal`, `user`, `admin`, `reaper`
  std::string caller; // by its name in the callers' file; empty: nobody has proven to be one
  std::optional<uuid> user_id;
  std::string request_id;
  std::array<std::uint8_t, 16> trace_id{}; // all zero: there is no trace
  std::string address;                     // of the client, as far as it can be believed; empty: not known
  trace_point asked_by{};                  // not kept
};

/// An entry as it is read back. Empty and missing means not known, or that the action has no such thing.
struct audit_event {
  uuid event_id; // version 7, by the database's clock: the order of the audit
  timestamp occurred_at{};
  std::string action;
  std::optional<uuid> account_id;
  std::optional<uuid> session_id;
  std::optional<uuid> game_id;
  std::string reason;
  audit_origin origin;
};

/// The least id that an entry of this time, or of a later one, can have.
uuid first_audit_id(timestamp at) noexcept;

/// Text that callers wrote, as the audit may keep it: session tokens, callers' keys and e-mail addresses are
/// replaced by `[withheld]`.
std::string withhold_secrets(std::string_view text);

} // namespace portcullis
