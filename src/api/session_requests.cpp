#include "api/session_requests.hpp"

#include "api/asking.hpp"

#include <utility>

namespace portcullis::api {

void list_sessions(front_pointer self, http::responder to, const session_actor& sessions, const http::request& r,
                   const uuid& account_id, std::optional<uuid> current) {
  auto page = decode_page(r.query);
  if (!page)
    return to.problem(page.error());
  using listed = store::list_sessions::result;
  ask<listed>(self, to, "listing the sessions", sessions,
              store::list_sessions{account_id, page->after, page->limit}, [current](const listed& l) {
                return rendered{200, render_session_page(l.sessions, l.has_more, current), {}};
              });
}

void revoke_session(front_pointer self, http::responder to, const session_actor& sessions, const http::request& r,
                    std::variant<uuid, token_hash> target, std::optional<uuid> owner) {
  auto cause = cause_of(r, owner ? http::audience::user : http::audience::internal);
  if (!cause)
    return to.problem(cause.error());
  using done = store::revoke_session::result;
  ask<done>(self, to, "the revocation", sessions, store::revoke_session{target, owner, *std::move(cause)},
            [](const done& d) {
              return rendered{200, render_revoked(d.revoked, d.position), d.position};
            });
}

void revoke_account(front_pointer self, http::responder to, const session_actor& sessions, const http::request& r,
                    const uuid& account_id, std::optional<uuid> keep, http::audience group) {
  auto cause = cause_of(r, group);
  if (!cause)
    return to.problem(cause.error());
  using done = store::revoke_account::result;
  ask<done>(self, to, "the revocation", sessions, store::revoke_account{account_id, keep, *std::move(cause)},
            [](const done& d) {
              return rendered{200, render_revoked_count(d.revoked, d.position), d.position};
            });
}

} // namespace portcullis::api
