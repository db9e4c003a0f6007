#pragma once

#include "actors/guard.hpp"
#include "api/json.hpp"
#include "api/module.hpp"
#include "core/operations.hpp"
#include "http/query.hpp"
#include "http/server/responder.hpp"
#include "telemetry/tracing.hpp"

#include <caf/io/typed_broker.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Asking actors on behalf of a request.
namespace portcullis::api {

/// An answer, ready to be sent.
struct rendered {
  int status = 200;
  std::string body;             // JSON
  std::optional<cursor> ending; // of what ended something: whoever waits for that place in the log sees it
};

inline void send(http::responder to, const rendered& answer) {
  if (!answer.ending)
    return to.json(answer.status, answer.body);
  auto position = to_string(*answer.ending);
  to.json(answer.status, answer.body, {{"X-Revocation-Cursor", position}});
}

template <class Message, class = void>
struct tells_who_asks : std::false_type {};
template <class Message>
struct tells_who_asks<Message, std::void_t<decltype(std::declval<Message&>().asked_by)>> : std::true_type {};

/// The message, with the span of the request that it is sent for.
template <class Message>
auto on_behalf_of(const http::responder& to, Message&& what) {
  std::decay_t<Message> out{std::forward<Message>(what)};
  if constexpr (tells_who_asks<std::decay_t<Message>>::value)
    out.asked_by = to.asked_by();
  return out;
}

/// Asks an actor and answers with what `render` makes of the reply, or with the error's problem. `what_for` says
/// for what a request that is late has waited.
template <class Reply, class Actor, class Message, class Render>
void ask(front_pointer self, http::responder to, std::string_view what_for, const Actor& whom, Message&& what,
         Render render) {
  to.waits_for(what_for);
  // No time-out: CAF could not cancel it. The request's deadline answers what nobody else does.
  self->request(whom, caf::infinite, on_behalf_of(to, std::forward<Message>(what)))
    .then([to, render](const Reply& reply) { guard("reply", [&] { send(to, render(reply)); }); },
          [to](const caf::error& err) { guard("error", [&] { to.problem(to_failure(err)); }); });
}

/// The body of a request that takes JSON, decoded.
template <class Decode>
auto decode_body(const http::request& r, Decode decode) -> decltype(decode(r.body)) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return std::move(sound).error();
  return decode(r.body);
}

/// Where a change comes from, for the audit; `user` is who the caller acts for.
inline audit_origin origin_of(const http::call& c, const http::responder& to, http::audience group,
                              std::optional<uuid> user = std::nullopt) {
  audit_origin out;
  out.actor = http::to_string(group);
  out.caller = c.from.caller;
  out.user_id = user;
  out.request_id = to.request_id();
  out.trace_id = to.trace_id();
  if (uuid{out.trace_id}.is_nil()) // no span is recorded here, but the caller's trace goes on
    out.trace_id = tracing::parse_context(c.request.get(http::field::traceparent), {}).trace_id;
  out.address = c.from.address;
  out.asked_by = to.asked_by();
  return out;
}

/// Why something is to end, if the request says so, as the log tells it.
inline result<store::revocation_cause> cause_of(const http::request& r, http::audience group) {
  auto decoded = decode_body(r, [&](std::string_view body) { return decode_revocation(body, r.query); });
  if (!decoded)
    return std::move(decoded).error();
  return store::revocation_cause{std::move(decoded->reason), std::string{http::to_string(group)}};
}

} // namespace portcullis::api
