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

void revoke_session(front_pointer self, http::responder to, const session_actor& sessions, const http::call& c,
                    std::variant<uuid, token_hash> target, std::optional<uuid> owner) {
  const auto group = owner ? http::audience::user : http::audience::internal;
  auto cause = cause_of(c.request, group);
  if (!cause)
    return to.problem(cause.error());
  using done = store::revoke_session::result;
  store::revoke_session order{target, owner, *std::move(cause)};
  order.origin = origin_of(c, to, group, owner);
  ask<done>(self, to, "the revocation", sessions, std::move(order), [](const done& d) {
    return rendered{200, render_revoked(d.revoked, d.position), d.position};
  });
}

void revoke_account(front_pointer self, http::responder to, const session_actor& sessions, const http::call& c,
                    const uuid& account_id, std::optional<uuid> keep, http::audience group) {
  auto cause = cause_of(c.request, group);
  if (!cause)
    return to.problem(cause.error());
  using done = store::revoke_account::result;
  store::revoke_account order{account_id, keep, *std::move(cause)};
  order.origin = origin_of(c, to, group, group == http::audience::user ? std::optional{account_id} : std::nullopt);
  ask<done>(self, to, "the revocation", sessions, std::move(order), [](const done& d) {
    return rendered{200, render_revoked_count(d.revoked, d.position), d.position};
  });
}

} // namespace portcullis::api
