#pragma once

#include "api/module.hpp"
#include "http/server/responder.hpp"

#include <optional>
#include <variant>

/// What gateways and people ask of sessions alike.
namespace portcullis::api {

/// A page of an account's active sessions; `current` marks one.
void list_sessions(front_pointer self, http::responder to, const session_actor& sessions, const http::request& r,
                   const uuid& account_id, std::optional<uuid> current);

/// Ends one session; with `owner`, only if it is that account's.
void revoke_session(front_pointer self, http::responder to, const session_actor& sessions, const http::call& c,
                    std::variant<uuid, token_hash> target, std::optional<uuid> owner);

/// Ends all sessions of an account but for `keep`.
void revoke_account(front_pointer self, http::responder to, const session_actor& sessions, const http::call& c,
                    const uuid& account_id, std::optional<uuid> keep, http::audience group);

} // namespace portcullis::api
