#pragma once

#include "core/model.hpp"
#include "core/result.hpp"

#include <optional>
#include <string>
#include <string_view>

/// External ids in the one form in which they are stored and compared, so that a person who is written in two ways
/// has one account. Every function leaves what is in that form as it is.
namespace portcullis::text {

/// By the kind's rules: `normalize_email` or `normalize_telegram_id`. A refusal is `value_unacceptable`, and its
/// sentence says what is wrong.
result<std::string> normalize_external_id(identity_kind kind, std::string_view text);

/// An e-mail address (RFC 5321 and RFC 6532, `local@domain` alone):
///
/// - ASCII white space around it is cut off;
/// - the local part is folded by full case folding and composed (NFC): `JOSÉ` and `jose` + U+0301 are `josé`, `ß`
/// is
///   `ss`. Nothing is done about dots or `+tags`: what they mean is for the provider to say;
/// - the domain becomes its ASCII form by UTS 46, non-transitional, with the rules of STD 3: `EXÄMPLE.org` and
///   `xn--exmple-cua.org` are the same.
///
/// Refused anywhere: unassigned code points, control, format and other invisible characters, white space. The
/// local part has at most 64 bytes, an address 254, a domain's label 63, each in the form that is stored.
result<std::string> normalize_email(std::string_view text);

/// The decimal text of a positive 63-bit number without leading zeros; ASCII white space around it is cut off.
result<std::string> normalize_telegram_id(std::string_view text);

/// The beginning of an external id, folded as the ids themselves are, for searching among what is stored. Complete
/// labels of a domain are turned to ASCII; the last one, which may be cut short, only if it is not ASCII, and then
/// it is found if it is complete. Nothing when it is empty, longer than an address, or holds what no id holds.
std::optional<std::string> fold_identity_prefix(std::string_view text);

} // namespace portcullis::text
