#pragma once

#include "core/error.hpp"
#include "core/model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// JSON bodies and query strings of the contract, to and from the domain's values.
namespace portcullis::http {

template <class T>
using decoded = std::variant<T, failure>;

// -- requests ----------------------------------------------------------------------------------------------

/// Checks the media type of a body: `application/json` in any case, with or without parameters (charset utf-8
/// only). An empty body needs none.
std::optional<failure> check_json_media_type(std::string_view content_type, std::string_view body);

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
decoded<guest_mint_body> decode_guest_mint(std::string_view body);
decoded<mint_body> decode_mint(std::string_view body);
decoded<account_body> decode_account(std::string_view body);
decoded<link_body> decode_link(std::string_view body);
decoded<profile_body> decode_profile(std::string_view body);
decoded<seat_body> decode_seat(std::string_view body);
decoded<sweep_body> decode_sweep(std::string_view body);
/// The reason may come in the body or as `?reason=`; the body wins.
decoded<revocation_body> decode_revocation(std::string_view body, std::string_view query);

/// The value of one query parameter, percent-decoded (`+` is a space); nothing when it is absent. A
/// parameter that is given twice, or that is not valid UTF-8 once decoded, is `parameter_malformed`.
decoded<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name);

struct page_query {
  std::size_t limit = 50; // 1 to 200
  std::optional<uuid> after;
};
decoded<page_query> decode_page(std::string_view query);

/// `?kind=&external_id=`, normalized.
decoded<identity_key> decode_identity_query(std::string_view query);

/// `?kind=&external_id=<prefix>&guest=&created_before=&created_after=`, each optional.
struct account_filter {
  std::optional<identity_kind> kind;
  std::optional<std::string> external_id_prefix;
  std::optional<bool> is_guest;
  std::optional<timestamp> created_before;
  std::optional<timestamp> created_after;
};
decoded<account_filter> decode_account_filter(std::string_view query);

decoded<uuid> decode_id(std::string_view segment);

/// One segment of a path, percent-decoded (`+` is itself).
decoded<std::string> decode_segment(std::string_view segment);

/// The last two segments of `…/identities/{kind}/{external_id}`, normalized.
decoded<identity_key> decode_identity_segments(std::string_view kind, std::string_view external_id);

/// The `token` of a form (RFC 7662, section 2.1).
decoded<std::string> decode_form_token(std::string_view content_type, std::string_view body);

// -- responses ---------------------------------------------------------------------------------------------

std::string render_account(const account& a);                       // {"account"}
std::string render_account_created(const account& a, bool created); // {"account","created"}
std::string render_session(const session& s); // {"session"}; dead ones also "revoked_at", "revoke_reason"
std::string render_minted(std::string_view token_text, const session& s, const account& a,
                          std::optional<bool> created);
std::string render_session_page(const std::vector<session>& sessions, bool has_more,
                                std::optional<uuid> current); // {"sessions":[…],"next"?}; `current` marks one
/// {"account"}, and with a rotation {"token","session"}.
std::string render_linked(const account& a, std::string_view token_text, const std::optional<session>& rotated);
std::string render_account_page(const std::vector<account>& accounts, bool has_more); // {"accounts":[…],"next"?}
/// RFC 7662, section 2.2; nothing: {"active":false}.
std::string render_introspection(const std::optional<session_record>& active);
std::string render_revoked(bool revoked, cursor position);              // {"revoked":bool,"cursor"}
std::string render_revoked_count(std::size_t revoked, cursor position); // {"revoked":n,"cursor"}

} // namespace portcullis::http
