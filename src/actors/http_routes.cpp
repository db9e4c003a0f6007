#include "actors/http_ask.hpp"
#include "actors/http_front.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"
#include "api/json.hpp"
#include "http/query.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace portcullis {

using http::route;

void http_front_state::dispatch(http_connection& c, const http::request& r, instant now) {
  auto m = http::find_route(r.method, r.path);
  auto& x = begin_exchange(c, r, m.to, now);
  if (m.to == route::none) {
    if (m.path_known)
      answer_problem(c, x, {errc::method_not_allowed, "the resource does not take this method"}, m.allow);
    else
      answer_problem(c, x, {errc::route_unknown, "there is no such resource"});
    return;
  }
  if (phase_ == service_phase::starting && m.group != http::audience::probe && m.to != route::version) {
    answer_problem(c, x, {errc::starting, "the service is starting"});
    return;
  }
  handle(c, x, r, m);
}

void http_front_state::handle(http_connection& c, http_exchange& x, const http::request& r, const http::match& m) {
  switch (m.to) {
  case route::resolve_session:
  case route::verify:
    handle_resolve(c, x, r);
    break;
  case route::introspect:
    handle_introspect(c, x, r);
    break;
  case route::mint_session:
    handle_mint(c, x, r);
    break;
  case route::mint_guest_session:
    handle_guest_mint(c, x, r);
    break;
  case route::find_or_create_account:
  case route::create_guest_account:
  case route::get_account:
  case route::find_account:
  case route::delete_account:
  case route::update_account:
  case route::link_identity:
  case route::unlink_identity:
  case route::seat_player:
    handle_account(c, x, r, m);
    break;
  case route::get_session:
  case route::list_account_sessions:
  case route::revoke_session:
  case route::revoke_session_by_token:
  case route::revoke_account_sessions:
    handle_session(c, x, r, m);
    break;
  case route::admin_accounts:
  case route::admin_stats:
  case route::admin_reaper:
  case route::admin_run_reaper:
    handle_admin(c, x, r, m);
    break;
  case route::user_account:
  case route::user_update_account:
  case route::user_sessions:
  case route::user_revoke_session:
  case route::user_revoke_sessions:
    handle_user(c, x, r, m);
    break;
  case route::revocations:
    handle_revocations(c, x, r);
    break;
  default:
    handle_probe(c, x, m.to);
    break;
  }
}

// -- resolve and verify: the hot path ----------------------------------------------------------------------

void http_front_state::handle_resolve(http_connection& c, http_exchange& x, const http::request& r) {
  auto found = http::bearer_token(r);
  if (!found)
    return answer_problem(c, x, found.error());
  look_up(c, x, r, hash_token(*found));
}

/// With X-Min-Cursor ("read your own revocation") the caller has a place in the log from some replica and wants an
/// answer that is at least as new. The cache hears of every event before the front does, so once the front has
/// read that far, memory will do. Else the database is asked, by a read that begins after the request came: it
/// sees every revocation whose cursor was handed out by then. The log is waited for a moment, since it is mostly
/// on its way and costs no read.
void http_front_state::look_up(http_connection& c, http_exchange& x, const http::request& r,
                               const token_hash& hash) {
  auto text = r.get(http::field::x_min_cursor);
  if (text.empty())
    return lookups_.push_back({x.id, hash});
  auto wanted = cursor::parse(text);
  if (!wanted)
    return answer_problem(c, x, {errc::cursor_malformed, "X-Min-Cursor is not <epoch>-<seq>"});
  if (is_read(*wanted)) {
    lookups_.push_back({x.id, hash});
  } else if (can_be_waited_for(*wanted) && waiting_lookups_.size() < options_.waiting_lookups_max) {
    waiting_lookups_.push_back({ticket_of(c, x), hash, *wanted, x.began + options_.cursor_wait});
    time_patience();
  } else {
    lookups_.push_back({x.id, hash, x.began});
  }
}

bool http_front_state::is_read(const cursor& wanted) const {
  return can_be_waited_for(wanted) && wanted.seq <= ring_.last().seq;
}

/// A cursor of another history may be of one that this replica has not noticed yet.
bool http_front_state::can_be_waited_for(const cursor& wanted) const {
  return has_position_ && wanted.epoch == ring_.last().epoch;
}

/// Looks up for those whose cursor the log has reached, or who have waited long enough. One whose exchange was
/// answered meanwhile is gone.
void http_front_state::resume_lookups() {
  auto now = options_.now();
  for (auto& waiting : std::exchange(waiting_lookups_, {})) {
    auto* c = find(waiting.to);
    auto* x = c != nullptr ? find_exchange(*c, waiting.to.exchange) : nullptr;
    if (x == nullptr)
      continue;
    if (is_read(waiting.wanted)) {
      lookups_.push_back({x->id, waiting.hash});
    } else if (can_be_waited_for(waiting.wanted) && now < waiting.until) {
      waiting_lookups_.push_back(waiting);
      continue;
    } else {
      lookups_.push_back({x->id, waiting.hash, x->began});
    }
    send_lookups(*c);
  }
}

/// One timer for all who wait, as of the first of them: the tick is too coarse.
void http_front_state::time_patience() {
  if (waiting_lookups_.empty() || std::exchange(is_patience_timed_, true))
    return;
  auto rest = waiting_lookups_.front().until - options_.now();
  self_->delayed_send(self_, std::max<std::chrono::nanoseconds>(rest, std::chrono::milliseconds{1}), step_atom_v);
}

void http_front_state::end_patience() {
  is_patience_timed_ = false;
  resume_lookups();
  time_patience();
}

/// RFC 7662: whatever is not an active token of ours is just that, and no error.
void http_front_state::handle_introspect(http_connection& c, http_exchange& x, const http::request& r) {
  auto found = http::decode_form_field(r.get(http::field::content_type), r.body, "token");
  if (!found)
    return answer_problem(c, x, found.error());
  auto& text = *found;
  if (is_token_form(text))
    look_up(c, x, r, hash_token(text));
  else
    answer_json(c, x, 200, api::render_introspection({}));
}

/// Asks the cache about all the tokens that the last read brought, in one message.
void http_front_state::send_lookups(http_connection& c) {
  if (lookups_.empty())
    return;
  self_->request(peers_.cache, caf::infinite, peek_sessions{std::exchange(lookups_, {})})
    .then(
      [this, connection = c.handle.id(), generation = c.generation](const peeked_sessions& known) {
        guard("peeked", [&] {
          auto* to = find(connection, generation);
          if (to == nullptr)
            return;
          for (auto& answer : known.answers)
            answer_peeked(answer, *to);
          flush(*to);
        });
      },
      [](const caf::error&) {
        // The cache has died, and the service with it. Without this handler the front would die of the error
        // first.
      });
}

void http_front_state::answer_peeked(const peeked_sessions::answer& known, http_connection& c) {
  auto* x = find_exchange(c, known.exchange);
  if (x == nullptr)
    return;
  switch (known.known) {
  case peeked_sessions::verdict::active:
    answer_resolution(c, *x, session_status::active, known.record);
    break;
  case peeked_sessions::verdict::revoked:
    answer_resolution(c, *x, session_status::revoked, known.record);
    break;
  case peeked_sessions::verdict::unknown:
    answer_resolution(c, *x, session_status::unknown, known.record);
    break;
  case peeked_sessions::verdict::must_load:
    load(ticket_of(c, *x), {known.hash, known.read_after});
    break;
  }
}

void http_front_state::load(const ticket& to, const load_session& what) {
  self_->request(peers_.cache, caf::infinite, what)
    .then(
      [this, to](const resolution& found) {
        guard("loaded", [&] {
          auto* c = find(to);
          auto* x = c != nullptr ? find_exchange(*c, to.exchange) : nullptr;
          if (x == nullptr)
            return;
          answer_resolution(*c, *x, found.status, found.record);
          flush(*c);
        });
      },
      [this, to](const caf::error& err) { guard("load", [&] { answer_problem(to, to_failure(err)); }); });
}

void http_front_state::answer_resolution(http_connection& c, http_exchange& x, session_status status,
                                         const session_record& record) {
  if (x.to == route::introspect) {
    auto active = status == session_status::active ? std::optional{record} : std::nullopt;
    return answer_json(c, x, 200, api::render_introspection(active));
  }
  switch (status) {
  case session_status::active:
    if (x.to == route::verify)
      http::append_verified(response_of(c, x), context_of(x), record);
    else
      http::append_resolved(response_of(c, x), context_of(x), record);
    complete(c, x, 200);
    break;
  case session_status::revoked:
    answer_problem(c, x, {errc::session_revoked, "the session has ended"});
    break;
  case session_status::unknown:
    answer_problem(c, x, {errc::session_unknown, "no session has this token"});
    break;
  }
}

// -- minting -----------------------------------------------------------------------------------------------

void http_front_state::handle_mint(http_connection& c, http_exchange& x, const http::request& r) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_mint(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto& body = *decoded;
  mint_request order;
  order.device = std::move(body.device);
  if (auto* account_id = std::get_if<uuid>(&body.holder))
    order.holder = *account_id;
  else
    order.holder = identity_holder{std::get<identity_key>(body.holder), std::move(body.display_name)};
  mint(c, x, std::move(order), true);
}

void http_front_state::handle_guest_mint(http_connection& c, http_exchange& x, const http::request& r) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return answer_problem(c, x, sound.error());
  auto decoded = api::decode_guest_mint(r.body);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  mint(c, x, {guest_holder{}, decoded->device}, false);
}

void http_front_state::mint(http_connection& c, http_exchange& x, mint_request&& order, bool tells_created) {
  ask<mint_reply>(c, x, peers_.sessions, std::move(order), [tells_created](const mint_reply& made) {
    auto created = tells_created ? std::optional{made.account_created} : std::nullopt;
    return rendered{201, api::render_minted(made.token.reveal(), made.session, made.account, created)};
  });
}

// -- sessions ----------------------------------------------------------------------------------------------

void http_front_state::handle_session(http_connection& c, http_exchange& x, const http::request& r,
                                      const http::match& m) {
  if (m.to == route::revoke_session_by_token) {
    auto found = http::bearer_token(r);
    if (!found)
      return answer_problem(c, x, found.error());
    return revoke_session(c, x, r, hash_token(*found), std::nullopt);
  }
  auto decoded = api::decode_id(m.params[0]);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto id = *decoded;
  switch (m.to) {
  case route::get_session:
    return ask<session>(c, x, peers_.sessions, store::get_session{id}, [](const session& s) {
      return rendered{200, api::render_session(s)};
    });
  case route::list_account_sessions:
    return list_sessions(c, x, r, id, std::nullopt);
  case route::revoke_session:
    return revoke_session(c, x, r, id, std::nullopt);
  default:
    return revoke_account(c, x, r, id, std::nullopt);
  }
}

void http_front_state::list_sessions(http_connection& c, http_exchange& x, const http::request& r,
                                     const uuid& account_id, std::optional<uuid> current) {
  auto decoded = api::decode_page(r.query);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto& page = *decoded;
  using listed = store::list_sessions::result;
  ask<listed>(c, x, peers_.sessions, store::list_sessions{account_id, page.after, page.limit},
              [current](const listed& l) {
                return rendered{200, api::render_session_page(l.sessions, l.has_more, current)};
              });
}

void http_front_state::revoke_session(http_connection& c, http_exchange& x, const http::request& r,
                                      std::variant<uuid, token_hash> target, std::optional<uuid> owner) {
  auto decoded = revocation_of(r);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto group = owner ? http::audience::user : http::audience::internal;
  using done = store::revoke_session::result;
  ask<done>(c, x, peers_.sessions,
            store::revoke_session{target, owner, cause_of(decoded->reason, group)},
            [](const done& d) {
              return rendered{200, api::render_revoked(d.revoked, d.position)};
            });
}

void http_front_state::revoke_account(http_connection& c, http_exchange& x, const http::request& r,
                                      const uuid& account_id, std::optional<uuid> keep) {
  auto decoded = revocation_of(r);
  if (!decoded)
    return answer_problem(c, x, decoded.error());
  auto group = x.to == route::user_revoke_sessions ? http::audience::user : http::audience::internal;
  using done = store::revoke_account::result;
  ask<done>(c, x, peers_.sessions,
            store::revoke_account{account_id, keep, cause_of(decoded->reason, group)},
            [](const done& d) {
              return rendered{200, api::render_revoked_count(d.revoked, d.position)};
            });
}

// -- the user's own ----------------------------------------------------------------------------------------

void http_front_state::handle_user(http_connection& c, http_exchange& x, const http::request& r,
                                   const http::match& m) {
  auto user = uuid::parse(r.get(http::field::x_user_id));
  if (!user)
    return answer_problem(c, x, {errc::user_required, "X-User-ID does not name an account"});
  auto current = uuid::parse(r.get(http::field::x_session_id));
  switch (m.to) {
  case route::user_account:
    return ask<account>(c, x, peers_.accounts, store::get_account{*user}, [](const account& a) {
      return rendered{200, api::render_account(a)};
    });
  case route::user_update_account:
    return update_account(c, x, r, *user);
  case route::user_sessions:
    return list_sessions(c, x, r, *user, current);
  case route::user_revoke_session: {
    auto id = api::decode_id(m.params[0]);
    if (!id)
      return answer_problem(c, x, id.error());
    return revoke_session(c, x, r, *id, *user);
  }
  default:
    break;
  }
  auto keep = http::query_parameter(r.query, "keep");
  if (!keep)
    return answer_problem(c, x, keep.error());
  auto& kept = *keep;
  if (kept && *kept != "current")
    return answer_problem(c, x, {errc::value_unacceptable, "keep takes the value current"});
  if (kept && !current)
    return answer_problem(c, x, {errc::parameter_malformed, "keep=current needs X-Session-ID"});
  revoke_account(c, x, r, *user, kept ? current : std::nullopt);
}

} // namespace portcullis
