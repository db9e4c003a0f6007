#include "api/json.hpp"

#include "core/hex.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace portcullis::api {

namespace {

namespace json = boost::json;

/// What the client did not say is `null`, so that every member is always there.
json::value said(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object to_object(const identity& i) {
  return {
    {"kind", to_string(i.key.kind)},
    {"external_id", i.key.external_id},
    {"created_at", to_rfc3339(i.created_at)},
  };
}

json::object to_object(const account& a) {
  json::array identities;
  identities.reserve(a.identities.size());
  for (const auto& i : a.identities)
    identities.push_back(to_object(i));
  return {
    {"account_id", to_string(a.account_id)},
    {"is_guest", a.is_guest},
    {"display_name", a.display_name ? json::value(*a.display_name) : json::value(nullptr)},
    {"created_at", to_rfc3339(a.created_at)},
    {"identities", std::move(identities)},
  };
}

json::object to_object(const session& s) {
  json::object out{
    {"session_id", to_string(s.session_id)},
    {"account_id", to_string(s.account_id)},
    {"is_guest", s.is_guest},
    {"created_at", to_rfc3339(s.created_at)},
    {"expires_at", s.expires_at ? json::value(to_rfc3339(*s.expires_at)) : json::value(nullptr)},
    {"device",
     {
       {"label", said(s.device.label)},
       {"user_agent", said(s.device.user_agent)},
       {"ip", said(s.device.ip)},
     }},
  };
  if (s.revoked_at) {
    out["revoked_at"] = to_rfc3339(*s.revoked_at);
    out["revoke_reason"] = said(s.revoke_reason);
  }
  return out;
}

json::value said(const std::optional<uuid>& id) {
  return id ? json::value(to_string(*id)) : json::value(nullptr);
}

json::value trace_id_text(const audit_origin& from) {
  if (uuid{from.trace_id}.is_nil())
    return nullptr;
  std::string text(2 * from.trace_id.size(), '\0');
  hex::write(from.trace_id.data(), from.trace_id.size(), text.data());
  return json::value(text);
}

json::object to_object(const audit_event& e) {
  return {
    {"event_id", to_string(e.event_id)},
    {"occurred_at", to_rfc3339(e.occurred_at)},
    {"action", e.action},
    {"actor", said(e.origin.actor)},
    {"caller", said(e.origin.caller)},
    {"user_id", said(e.origin.user_id)},
    {"account_id", said(e.account_id)},
    {"session_id", said(e.session_id)},
    {"game_id", said(e.game_id)},
    {"reason", said(e.reason)},
    {"request_id", said(e.origin.request_id)},
    {"trace_id", trace_id_text(e.origin)},
    {"address", said(e.origin.address)},
  };
}

} // namespace

std::string render_account(const account& a) {
  return json::serialize(json::object{{"account", to_object(a)}});
}

std::string render_account_created(const account& a, bool created) {
  return json::serialize(json::object{{"account", to_object(a)}, {"created", created}});
}

std::string render_session(const session& s) {
  return json::serialize(json::object{{"session", to_object(s)}});
}

std::string render_minted(std::string_view token_text, const session& s, const account& a,
                          std::optional<bool> created) {
  json::object out{{"token", token_text}, {"session", to_object(s)}, {"account", to_object(a)}};
  if (created)
    out["created"] = *created;
  return json::serialize(out);
}

std::string render_session_page(const std::vector<session>& sessions, bool has_more, std::optional<uuid> current) {
  json::array list;
  list.reserve(sessions.size());
  for (const auto& s : sessions) {
    auto entry = to_object(s);
    if (current)
      entry["current"] = s.session_id == *current;
    list.push_back(std::move(entry));
  }
  json::object out{{"sessions", std::move(list)}};
  if (has_more && !sessions.empty())
    out["next"] = to_string(sessions.back().session_id);
  return json::serialize(out);
}

std::string render_linked(const account& a, std::string_view token_text, const std::optional<session>& rotated) {
  json::object out{{"account", to_object(a)}};
  if (rotated) {
    out["token"] = token_text;
    out["session"] = to_object(*rotated);
  }
  return json::serialize(out);
}

std::string render_account_page(const std::vector<account>& accounts, bool has_more) {
  json::array list;
  list.reserve(accounts.size());
  for (const auto& a : accounts)
    list.push_back(to_object(a));
  json::object out{{"accounts", std::move(list)}};
  if (has_more && !accounts.empty())
    out["next"] = to_string(accounts.back().account_id);
  return json::serialize(out);
}

std::string render_audit_page(const std::vector<audit_event>& events, bool has_more) {
  json::array list;
  list.reserve(events.size());
  for (const auto& e : events)
    list.push_back(to_object(e));
  json::object out{{"events", std::move(list)}};
  if (has_more && !events.empty())
    out["next"] = to_string(events.back().event_id);
  return json::serialize(out);
}

std::string render_introspection(const std::optional<session_record>& active, std::string_view issuer,
                                 std::optional<std::chrono::seconds> kept_until) {
  if (!active)
    return R"({"active":false})";
  auto issued_at = std::chrono::duration_cast<std::chrono::seconds>(active->created_at.time_since_epoch()).count();
  json::object out{{"active", true},
                   {"sub", to_string(active->account_id)},
                   {"sid", to_string(active->session_id)},
                   {"iat", issued_at},
                   {"token_type", "Bearer"}};
  if (!issuer.empty())
    out["iss"] = issuer;
  if (active->expires_at) {
    auto ends_at = std::chrono::floor<std::chrono::seconds>(active->expires_at->time_since_epoch());
    kept_until = std::min(kept_until.value_or(ends_at), ends_at);
  }
  if (kept_until)
    out["exp"] = kept_until->count();
  return json::serialize(out);
}

std::string render_revoked(bool revoked, cursor position) {
  return json::serialize(json::object{{"revoked", revoked}, {"cursor", to_string(position)}});
}

std::string render_revoked_count(std::size_t revoked, cursor position) {
  return json::serialize(json::object{{"revoked", revoked}, {"cursor", to_string(position)}});
}

} // namespace portcullis::api
