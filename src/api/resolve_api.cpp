#include "api/resolve_api.hpp"

#include "api/asking.hpp"
#include "core/token.hpp"
#include "http/bearer.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace portcullis::api {

namespace {

constexpr std::string_view lookup_wait = "the look-up of the session";

/// The header fields of an answer that may be kept. nginx heeds X-Accel-Expires alone, and takes `private` for a
/// ban without it.
class lifetime {
public:
  explicit lifetime(std::chrono::seconds keep)
    : cache_control_("private, max-age=" + std::to_string(keep.count())),
      fields_("X-Accel-Expires: " + std::to_string(keep.count()) + "\r\n") {}

  http::response_context in(http::response_context ctx) const {
    ctx.cache_control = cache_control_;
    ctx.lifetime_fields = fields_;
    return ctx;
  }

private:
  std::string cache_control_;
  std::string fields_;
};

void append_introspected(http::byte_buffer& out, const http::response_context& ctx, std::string_view body) {
  http::append_response(out, ctx, 200, http::media_type_json, body);
}

} // namespace

resolve_api::resolve_api(front_pointer self, http::server& server, session_cache_actor cache,
                         const resolve_options& options)
  : self_(self), server_(server), cache_(std::move(cache)), options_(options),
    waiting_(options.waiting_lookups_max, [&server] { return server.now(); }) {}

void resolve_api::add_routes(http::router& to) {
  using http::audience;
  using http::trait;
  using http::verb;
  using row = http::endpoint<resolve_api>;
  constexpr auto hot = trait::pipelined;
  static constexpr std::array table{
    row{verb::get, "/api/v1/internal/sessions/resolve", "resolve_session", audience::internal, hot,
        &resolve_api::resolve},
    row{verb::post, "/api/v1/internal/sessions/resolve", "resolve_session", audience::internal, hot,
        &resolve_api::resolve},
    row{verb::any, "/api/v1/internal/verify/**", "verify", audience::internal, hot, &resolve_api::verify},
    row{verb::post, "/api/v1/internal/introspect", "introspect", audience::internal, hot,
        &resolve_api::introspect},
  };
  to.add(*this, table);
}

void resolve_api::resolve(const http::call& c, http::responder to) {
  auto text = http::bearer_token(c.request);
  if (!text)
    return to.problem(text.error());
  auto min_cursor = http::sole_value(c.request, http::field::x_min_cursor);
  if (!min_cursor)
    return to.problem(min_cursor.error());
  look_up(to, form::resolved, hash_token(*text), *min_cursor);
}

/// Reads the token and nothing else: a gateway copies its client's header fields, and none of them may break the
/// answer or send a look-up to the database.
void resolve_api::verify(const http::call& c, http::responder to) {
  auto text = http::bearer_token(c.request);
  if (!text)
    return to.problem(text.error());
  collect(to, form::verified, hash_token(*text), instant::min());
}

/// RFC 7662: whatever is not an active token of ours is just that, and no error.
void resolve_api::introspect(const http::call& c, http::responder to) {
  auto text = http::decode_form_field(c.request.get(http::field::content_type), c.request.body, "token");
  if (!text)
    return to.problem(text.error());
  auto min_cursor = http::sole_value(c.request, http::field::x_min_cursor);
  if (!min_cursor)
    return to.problem(min_cursor.error());
  if (is_token_form(*text))
    look_up(to, form::introspected, hash_token(*text), *min_cursor);
  else
    to.json(200, render_introspection({}));
}

void resolve_api::look_up(http::responder to, form as, const token_hash& hash, std::string_view min_cursor) {
  if (min_cursor.empty())
    return collect(to, as, hash, instant::min());
  auto wanted = cursor::parse(min_cursor);
  if (!wanted)
    return to.problem({errc::cursor_malformed, "X-Min-Cursor is not <epoch>-<seq>"});
  to.waits_for(lookup_wait);
  auto began = to.began();
  waiting_.wait(*wanted, began + options_.cursor_wait, [=, at_least = *wanted](bool is_reached) {
    if (!to.is_open())
      return;
    if (!is_reached && !options_.reads_through)
      return load(to, as, {hash, began, at_least}, source::load);
    collect(to, as, hash, is_reached ? instant::min() : began);
  });
  time_waiting();
}

void resolve_api::collect(http::responder to, form as, const token_hash& hash, instant read_after) {
  auto& l = lookups_.emplace_back();
  l.hash = hash;
  l.read_after = read_after;
  l.connection = to.which().connection;
  l.generation = to.which().generation;
  l.exchange = to.which().exchange;
  l.purpose = static_cast<std::uint8_t>(as);
}

/// A message costs several times what a look-up does. So while a crowd asks, the look-ups of all sockets that were
/// ready go out together: once a message to ourselves has come back, which the loop takes after them. A crowd is
/// seen when there is something to ask before the answer to the last question, which comes after them as well.
void resolve_api::end_turn() {
  if (lookups_.empty() || is_collecting_)
    return;
  is_crowded_ = is_crowded_ || peeks_out_ > 0;
  if (!is_crowded_)
    return ask();
  is_collecting_ = true;
  self_->send(self_, collect_atom_v);
}

void resolve_api::collected() {
  is_collecting_ = false;
  is_crowded_ = lookups_.size() > 1;
  if (!lookups_.empty())
    ask();
}

/// Asks the cache about all that was collected, in one message. Each look-up names its own request, so it does not
/// matter whose handler failed in between.
void resolve_api::ask() {
  ++peeks_out_;
  self_->request(cache_, caf::infinite, peek_sessions{std::exchange(lookups_, {})})
    .then(
      [this](const peeked_sessions& known) {
        --peeks_out_;
        guard("peeked", [&] {
          http::server::turn t{server_};
          for (auto& found : known.answers)
            answer(found);
        });
      },
      [](const caf::error&) {
        // The cache has died, and the service with it. Without this handler the front would die of the error
        // first.
      });
}

void resolve_api::answer(const peeked_sessions::answer& known) {
  http::responder to{&server_, {known.connection, known.generation, known.exchange}};
  auto as = static_cast<form>(known.purpose);
  switch (known.known) {
  case peeked_sessions::knowledge::active:
    count(session_status::active, source::memory);
    return send(to, as, session_status::active, known.record);
  case peeked_sessions::knowledge::revoked:
    count(session_status::revoked, source::memory);
    return send(to, as, session_status::revoked, known.record);
  case peeked_sessions::knowledge::expired:
    count(session_status::expired, source::memory);
    return send(to, as, session_status::expired, known.record);
  case peeked_sessions::knowledge::unknown:
    count(session_status::unknown, source::memory);
    return send(to, as, session_status::unknown, known.record);
  case peeked_sessions::knowledge::must_load:
    return load(to, as, {known.hash, known.read_after}, known.was_held ? source::read_through : source::load);
  }
}

void resolve_api::load(http::responder to, form as, const load_session& what, source from) {
  to.waits_for(lookup_wait);
  self_->request(cache_, caf::infinite, on_behalf_of(to, what))
    .then(
      [this, to, as, from](const resolution& found) {
        guard("loaded", [&] {
          count(found.status, from);
          send(to, as, found.status, found.record);
        });
      },
      [this, to, from](const caf::error& err) {
        guard("load", [&] {
          count(outcome::error, from);
          to.problem(to_failure(err));
        });
      });
}

void resolve_api::count(session_status status, source from) {
  switch (status) {
  case session_status::unknown:
    return count(outcome::unknown, from);
  case session_status::revoked:
    return count(outcome::revoked, from);
  case session_status::expired:
    return count(outcome::expired, from);
  case session_status::active:
    return count(outcome::active, from);
  }
}

void resolve_api::count(outcome what, source from) {
  ++resolved_[static_cast<std::size_t>(from)][static_cast<std::size_t>(what)];
}

void resolve_api::add_to(metrics::snapshot& s) const {
  constexpr std::array<const char*, outcomes> told{"unknown", "revoked", "expired", "active", "error"};
  constexpr std::array names{"memory", "load", "read_through"};
  for (std::size_t from = 0; from < sources; ++from)
    for (std::size_t what = 0; what < outcomes; ++what)
      s.add("portcullis_sessions_resolved_total", resolved_[from][what],
            {{"outcome", told[what]}, {"source", names[from]}});
}

void resolve_api::send(http::responder to, form as, session_status status, const session_record& record) const {
  if (status == session_status::active)
    return send_active(to, as, record);
  if (as == form::introspected)
    return to.json(200, render_introspection({}));
  switch (status) {
  case session_status::active:
    return;
  case session_status::revoked:
    return to.problem({errc::session_revoked, "the session has ended"});
  case session_status::expired:
    return to.problem({errc::session_expired, "the session is older than sessions may grow"});
  case session_status::unknown:
    return to.problem({errc::session_unknown, "no session has this token"});
  }
}

void resolve_api::send_active(http::responder to, form as, const session_record& record) const {
  auto keep = as == form::resolved ? std::chrono::seconds{0} : keep_for(record);
  to.write(200, [&](http::byte_buffer& out, const http::response_context& ctx) {
    if (as == form::resolved)
      return http::append_resolved(out, ctx, record);
    if (keep.count() == 0)
      return as == form::verified ? http::append_verified(out, ctx, record)
                                  : append_introspected(out, ctx, render_introspection(record, options_.issuer));
    lifetime kept{keep};
    if (as == form::verified)
      return http::append_verified(out, kept.in(ctx), record);
    auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    append_introspected(out, kept.in(ctx), render_introspection(record, options_.issuer, now + keep));
  });
}

/// Nothing is kept past the lease under which it was said, so that a kept answer ends when this memory's would,
/// nor past the session's expiry.
std::chrono::seconds resolve_api::keep_for(const session_record& record) const {
  if (options_.verdict_max_age.count() == 0 || log_read_began_ == instant::min())
    return std::chrono::seconds{0};
  auto now = server_.now();
  auto left = options_.staleness_max - (now - log_read_began_);
  auto keep = std::min<std::chrono::nanoseconds>(options_.verdict_max_age, left);
  if (record.expires_at) {
    auto time = clock_.at(now);
    keep = time ? std::min<std::chrono::nanoseconds>(keep, *record.expires_at - *time) : std::chrono::seconds{0};
  }
  return std::max(std::chrono::floor<std::chrono::seconds>(keep), std::chrono::seconds{0});
}

void resolve_api::apply(const log_progress& progress) {
  log_read_began_ = std::max(log_read_began_, progress.read_began);
  if (progress.clock)
    clock_.tell(*progress.clock);
  waiting_.reach(progress.position);
}

void resolve_api::apply(const epoch_changed& change) {
  log_read_began_ = instant::min();
  clock_.forget();
  waiting_.reach(change.position);
}

void resolve_api::time_waiting() {
  if (auto delay = waiting_.arm())
    caf::delayed_anon_send(http_front_actor{self_}, *delay, step_atom_v); // see front_state::plan_tick
}

void resolve_api::timer() {
  waiting_.expire();
  time_waiting();
}

} // namespace portcullis::api
