#include "api/bulk_json.hpp"

#include "api/json_members.hpp"
#include "core/uuid.hpp"
#include "text/network.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace portcullis::api {

namespace {

namespace json = boost::json;

constexpr std::size_t user_agent_part_bytes_max = 512;

/// `known`, a span of names.
template <std::size_t Size>
refusal refuse_others(const json::object& from, const std::array<std::string_view, Size>& known,
                      std::string_view where) {
  for (const auto& member : from) {
    const std::string_view name{member.key().data(), member.key().size()};
    if (std::find(known.begin(), known.end(), name) == known.end())
      return failure{errc::value_unacceptable, std::string{where}
                                                 + " has a member that is not known: a misspelt one would end more"
                                                   " than is meant."};
  }
  return {};
}

/// In order, each once.
refusal read_ids(const json::object& from, std::string_view name, std::optional<std::vector<uuid>>& out) {
  const json::array* list = nullptr;
  if (auto wrong = read_array(from, name, list))
    return wrong;
  if (list == nullptr)
    return {};
  if (list->empty() || list->size() > bulk_ids_max)
    return unacceptable(name, "must have from 1 to " + std::to_string(bulk_ids_max) + " elements.");
  auto& ids = out.emplace();
  for (const auto& element : *list) {
    const auto path = std::string{name} + "[" + std::to_string(ids.size()) + "]";
    const auto* text = element.if_string();
    if (text == nullptr)
      return malformed(path, "must be a string.");
    const auto id = uuid::parse({text->data(), text->size()});
    if (!id)
      return failure{errc::id_malformed, "`" + path + "` must be a UUID."};
    ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return {};
}

refusal read_time(const json::object& from, std::string_view path, std::optional<timestamp>& out) {
  std::optional<std::string> text;
  if (auto wrong = read_text(from, path, text))
    return wrong;
  if (!text)
    return {};
  out = parse_rfc3339(*text);
  if (!out)
    return unacceptable(path, "must be a time like 2026-01-02T03:04:05Z.");
  return {};
}

refusal add_network(const json::value& element, std::vector<std::string>& out) {
  const auto path = "filter.ip_in[" + std::to_string(out.size()) + "]";
  const auto* text = element.if_string();
  if (text == nullptr)
    return malformed(path, "must be a string.");
  auto network = text::canonical_network({text->data(), text->size()});
  if (!network)
    return unacceptable(path, network.error().detail);
  out.push_back(*std::move(network));
  return {};
}

/// One, or a list of them.
refusal read_networks(const json::object& from, std::vector<std::string>& out) {
  const auto* member = find(from, "ip_in");
  if (member == nullptr)
    return {};
  if (member->is_string())
    return add_network(*member, out);
  const json::array* list = nullptr;
  if (auto wrong = read_array(from, "filter.ip_in", list))
    return wrong;
  if (list->empty() || list->size() > bulk_networks_max)
    return unacceptable("filter.ip_in", "must have from 1 to " + std::to_string(bulk_networks_max) + " elements.");
  for (const auto& element : *list)
    if (auto wrong = add_network(element, out))
      return wrong;
  return {};
}

refusal read_user_agent_part(const json::object& from, std::string& out) {
  std::optional<std::string> text;
  if (auto wrong = read_text(from, "filter.user_agent_contains", text))
    return wrong;
  if (!text)
    return {};
  if (text->empty() || text->size() > user_agent_part_bytes_max)
    return unacceptable("filter.user_agent_contains",
                        "must have from 1 to " + std::to_string(user_agent_part_bytes_max) + " bytes.");
  out = *std::move(text);
  return {};
}

refusal read_account_conditions(const json::object& from, session_filter& out) {
  if (find(from, "guest") != nullptr)
    if (auto wrong = read_flag(from, "filter.guest", out.is_guest.emplace()))
      return wrong;
  std::optional<std::string> kind;
  if (auto wrong = read_text(from, "filter.identity_kind", kind))
    return wrong;
  if (!kind)
    return {};
  out.identity_kind = parse_identity_kind(*kind);
  if (!out.identity_kind)
    return unacceptable("filter.identity_kind", "must be `telegram` or `email`.");
  return {};
}

bool has_condition(const session_filter& f) {
  return f.created_before || f.created_after || !f.ip_in.empty() || !f.user_agent_contains.empty() || f.is_guest
         || f.identity_kind;
}

refusal read_filter(const json::object& body, std::optional<session_filter>& out) {
  const json::object* from = nullptr;
  if (auto wrong = read_object(body, "filter", from))
    return wrong;
  if (from == nullptr)
    return {};
  constexpr std::array<std::string_view, 6> known{"created_before",      "created_after", "ip_in",
                                                  "user_agent_contains", "guest",         "identity_kind"};
  if (auto wrong = refuse_others(*from, known, "`filter`"))
    return wrong;
  auto& filter = out.emplace();
  if (auto wrong = read_time(*from, "filter.created_before", filter.created_before))
    return wrong;
  if (auto wrong = read_time(*from, "filter.created_after", filter.created_after))
    return wrong;
  if (auto wrong = read_networks(*from, filter.ip_in))
    return wrong;
  if (auto wrong = read_user_agent_part(*from, filter.user_agent_contains))
    return wrong;
  if (auto wrong = read_account_conditions(*from, filter))
    return wrong;
  if (!has_condition(filter))
    return unacceptable("filter", "must have a condition; for every session there is `all`.");
  if (filter.created_before && filter.created_after && *filter.created_after >= *filter.created_before)
    return unacceptable("filter.created_after", "must be before `filter.created_before`.");
  return {};
}

/// Exactly one of the four.
refusal read_selector(const json::object& body, session_selector& out) {
  std::optional<std::vector<uuid>> accounts;
  std::optional<std::vector<uuid>> sessions;
  std::optional<session_filter> filter;
  bool all = false;
  if (auto wrong = read_ids(body, "accounts", accounts))
    return wrong;
  if (auto wrong = read_ids(body, "sessions", sessions))
    return wrong;
  if (auto wrong = read_filter(body, filter))
    return wrong;
  if (auto wrong = read_flag(body, "all", all))
    return wrong;
  const auto given = (accounts ? 1 : 0) + (sessions ? 1 : 0) + (filter ? 1 : 0) + (all ? 1 : 0);
  if (given != 1)
    return failure{errc::body_malformed,
                   "The body must have exactly one of `accounts`, `sessions`, `filter` and `all` (true)."};
  if (accounts)
    out = sessions_of_accounts{*std::move(accounts)};
  else if (sessions)
    out = listed_sessions{*std::move(sessions)};
  else if (filter)
    out = *std::move(filter);
  else
    out = every_session{};
  return {};
}

json::object to_object(const revocation_counts& counts) {
  return {{"sessions", counts.sessions}, {"accounts", counts.accounts}};
}

json::value or_null(const std::optional<timestamp>& t) {
  return t ? json::value(to_rfc3339(*t)) : json::value(nullptr);
}

std::string_view to_string(job_state state) noexcept {
  switch (state) {
  case job_state::pending:
    return "pending";
  case job_state::running:
    return "running";
  case job_state::done:
    return "done";
  }
  return "running";
}

} // namespace

result<bulk_revocation_body> decode_bulk_revocation(std::string_view body) {
  return decode<bulk_revocation_body>(body, [](const json::object& from, bulk_revocation_body& out) -> refusal {
    constexpr std::array<std::string_view, 6> known{"accounts", "sessions", "filter", "all", "reason", "dry_run"};
    if (auto wrong = refuse_others(from, known, "The body"))
      return wrong;
    if (auto wrong = read_selector(from, out.selects))
      return wrong;
    std::optional<std::string> reason;
    if (auto wrong = read_reason(from, reason))
      return wrong;
    out.reason = std::move(reason).value_or("");
    return read_flag(from, "dry_run", out.dry_run);
  });
}

std::string render_counts(const revocation_counts& counts) {
  auto out = to_object(counts);
  out["dry_run"] = true;
  return json::serialize(out);
}

std::string render_accepted(const revocation_job& job) {
  return json::serialize(json::object{{"job_id", to_string(job.job_id)}});
}

std::string render_job(const revocation_job& job) {
  return json::serialize(json::object{
    {"job_id", to_string(job.job_id)},
    {"state", to_string(job.state)},
    {"reason", job.reason},
    {"done", to_object(job.done)},
    {"total", job.total ? json::value(to_object(*job.total)) : json::value(nullptr)},
    {"cursor", job.position ? json::value(to_string(*job.position)) : json::value(nullptr)},
    {"accepted_at", to_rfc3339(job.accepted_at)},
    {"started_at", or_null(job.started_at)},
    {"finished_at", or_null(job.finished_at)},
  });
}

} // namespace portcullis::api
