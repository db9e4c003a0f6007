#pragma once

#include "core/audit.hpp"
#include "core/model.hpp"
#include "core/result.hpp"
#include "http/response.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// JSON bodies and query strings of the contract, to and from the domain's values.
namespace portcullis::api {

// -- requests ----------------------------------------------------------------------------------------------

struct guest_mint_body {
  portcullis::device device;
};
struct mint_body {
  std::variant<uuid, identity_key> holder; // the account, or the identity it is found or created by
  std::optional<std::string> display_name;
  portcullis::device device;
};
struct account_body {
  identity_key identity;
  std::optional<std::string> display_name;
};
struct link_body {
  identity_key identity;
  bool rotate = false;       // replace the session whose token the request carries
  portcullis::device device; // of the new session
};
struct profile_body {
  std::optional<std::string> display_name; // nothing: clear it
};
struct seat_body {
  std::optional<std::int32_t> seat;
};
struct sweep_body {
  bool dry_run = false;
};
struct revocation_body {
  std::string reason;
};

/// Each takes the raw body. An empty body is `{}` where every member is optional. Unknown members are
/// ignored; a wrong JSON type is `body_malformed`, an unacceptable value `value_unacceptable`, each naming the
/// member.
result<guest_mint_body> decode_guest_mint(std::string_view body);
result<mint_body> decode_mint(std::string_view body);
result<account_body> decode_account(std::string_view body);
result<link_body> decode_link(std::string_view body);
result<profile_body> decode_profile(std::string_view body);
result<seat_body> decode_seat(std::string_view body);
result<sweep_body> decode_sweep(std::string_view body);
/// The reason may come in the body or as `?reason=`; the body wins.
result<revocation_body> decode_revocation(std::string_view body, std::string_view query);

/// `{"hashes":["<64 hex>",…],"min_cursor"?}`: at most `lookup_hashes_max`. A body of that many is
/// below 20 KiB.
inline constexpr std::size_t lookup_hashes_max = 256;
struct lookup_body {
  std::vector<token_hash> hashes;   // in the order asked, repetitions and all
  std::optional<cursor> min_cursor; // answers must be no older
};
result<lookup_body> decode_lookup(std::string_view body);

struct page_query {
  std::size_t limit = 50; // 1 to 200
  std::optional<uuid> after;
};
result<page_query> decode_page(std::string_view query);

/// `?kind=&external_id=`, normalized.
result<identity_key> decode_identity_query(std::string_view query);

/// `?kind=&external_id=<prefix>&guest=&created_before=&created_after=`, each optional.
struct account_filter {
  std::optional<identity_kind> kind;
  std::optional<std::string> external_id_prefix;
  std::optional<bool> is_guest;
  std::optional<timestamp> created_before;
  std::optional<timestamp> created_after;
};
result<account_filter> decode_account_filter(std::string_view query);

/// `?account_id=&caller=&action=&since=&until=`, each optional.
struct audit_filter {
  std::optional<uuid> account_id;
  std::optional<std::string> caller;
  std::optional<audit_action> action;
  std::optional<timestamp> since;
  std::optional<timestamp> until;
};
result<audit_filter> decode_audit_filter(std::string_view query);

result<uuid> decode_id(std::string_view segment);

/// The last two segments of `…/identities/{kind}/{external_id}`, normalized.
result<identity_key> decode_identity_segments(std::string_view kind, std::string_view external_id);

// -- responses ---------------------------------------------------------------------------------------------

std::string render_account(const account& a);                       // {"account"}
std::string render_account_created(const account& a, bool created); // {"account","created"}
std::string render_session(const session& s); // {"session"}; revoked ones also "revoked_at", "revoke_reason"
std::string render_minted(std::string_view token_text, const session& s, const account& a,
                          std::optional<bool> created);
std::string render_session_page(const std::vector<session>& sessions, bool has_more,
                                std::optional<uuid> current); // {"sessions":[…],"next"?}; `current` marks one
/// {"account"}, and with a rotation {"token","session"}.
std::string render_linked(const account& a, std::string_view token_text, const std::optional<session>& rotated);
std::string render_account_page(const std::vector<account>& accounts, bool has_more); // {"accounts":[…],"next"?}
std::string render_audit_page(const std::vector<audit_event>& events, bool has_more); // {"events":[…],"next"?}
/// RFC 7662, section 2.2; nothing: {"active":false}.
/// `issuer`: who says so (`iss`); left out when empty. `exp` is when the session expires, or `kept_until` if the
/// answer may be kept less long than that.
std::string render_introspection(const std::optional<session_record>& active, std::string_view issuer = {},
                                 std::optional<std::chrono::seconds> kept_until = std::nullopt);
/// What is known of one hash of a look-up. `expired` is a session that was not revoked and is over by its age.
enum class lookup_status : std::uint8_t { unknown, revoked, expired, active };
struct lookup_answer {
  lookup_status status = lookup_status::unknown;
  session_record record; // of `active`
};
/// {"results":[…],"cursor","log_age_ms"}, appended to `out` without an allocation but for `out`'s own room.
void append_lookup(http::byte_buffer& out, const std::vector<lookup_answer>& results, cursor position,
                   std::chrono::milliseconds log_age);

std::string render_revoked(bool revoked, cursor position);              // {"revoked":bool,"cursor"}
std::string render_revoked_count(std::size_t revoked, cursor position); // {"revoked":n,"cursor"}

} // namespace portcullis::api
