#pragma once

#include "actors/guard.hpp"
#include "actors/http_front.hpp"
#include "api/json.hpp"
#include "http/query.hpp"

#include <caf/io/typed_broker.hpp>

#include <utility>

/// The one template of the front, for those of its sources that ask other actors.
namespace portcullis {

/// Why a session is to end, if the request says so.
inline result<api::revocation_body> revocation_of(const http::request& r) {
  if (auto sound = http::check_json_media_type(r.get(http::field::content_type), r.body); !sound)
    return std::move(sound).error();
  return api::decode_revocation(r.body, r.query);
}

/// What the log says of a revocation over HTTP.
inline store::revocation_cause cause_of(std::string reason, http::audience group) {
  return {std::move(reason), std::string{http::to_string(group)}};
}

struct rendered {
  int status = 200;
  std::string body; // JSON
};

template <class Reply, class Actor, class Message, class Render>
void http_front_state::ask(http_connection& c, const http_exchange& x, const Actor& whom, Message&& what,
                           Render render) {
  auto to = ticket_of(c, x);
  // No time-out: CAF could not cancel it. The exchange's deadline answers what nobody else does.
  self_->request(whom, caf::infinite, std::forward<Message>(what))
    .then(
      [this, to, render](const Reply& reply) {
        guard("reply", [&] {
          auto made = render(reply);
          answer_json(to, made.status, made.body);
        });
      },
      [this, to](const caf::error& err) { guard("error", [&] { answer_problem(to, to_failure(err)); }); });
}

} // namespace portcullis
