#include "edge/service_api.hpp"

#include "core/hex.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

namespace portcullis::edge {

namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 8;
constexpr std::int64_t age_ms_max = 30LL * 24 * 3600 * 1000; // a month: beyond it no number is taken for an age

failure garbage(std::string_view what) {
  return {errc::database_unavailable, "the session service's answer has " + std::string{what}};
}

std::optional<json::object> parse_object(std::string_view body) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code err;
  auto value = json::parse({body.data(), body.size()}, err, {}, options);
  if (err || !value.is_object())
    return std::nullopt;
  return std::move(value.get_object());
}

const json::string* text_of(const json::object& from, std::string_view name) {
  auto* member = from.if_contains(json::string_view{name.data(), name.size()});
  return member == nullptr ? nullptr : member->if_string();
}

std::optional<std::string_view> view_of(const json::object& from, std::string_view name) {
  auto* text = text_of(from, name);
  if (text == nullptr)
    return std::nullopt;
  return std::string_view{text->data(), text->size()};
}

std::optional<uuid> id_of(const json::object& from, std::string_view name) {
  auto text = view_of(from, name);
  return text ? uuid::parse(*text) : std::nullopt;
}

std::optional<timestamp> time_of(const json::object& from, std::string_view name) {
  auto text = view_of(from, name);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

/// False: it is told, but is no time.
bool read_time(const json::object& from, std::string_view name, std::optional<timestamp>& out) {
  auto* member = from.if_contains(json::string_view{name.data(), name.size()});
  if (member == nullptr || member->is_null())
    return true;
  out = time_of(from, name);
  return out.has_value();
}

template <class T>
std::optional<T> number_of(const json::object& from, std::string_view name) {
  auto* member = from.if_contains(json::string_view{name.data(), name.size()});
  if (member == nullptr)
    return std::nullopt;
  json::error_code err;
  auto value = member->to_number<T>(err);
  if (err)
    return std::nullopt;
  return value;
}

std::optional<bool> flag_of(const json::object& from, std::string_view name) {
  auto* member = from.if_contains(json::string_view{name.data(), name.size()});
  if (member == nullptr || !member->is_bool())
    return std::nullopt;
  return member->get_bool();
}

std::optional<cursor> cursor_of(const json::object& from) {
  auto text = view_of(from, "cursor");
  return text ? cursor::parse(*text) : std::nullopt;
}

/// False: it is told, but is no age.
bool read_age(const json::object& from, std::optional<std::chrono::milliseconds>& out) {
  auto* member = from.if_contains("log_age_ms");
  if (member == nullptr || member->is_null())
    return true;
  auto ms = number_of<double>(from, "log_age_ms");
  if (!ms || !(*ms >= 0) || *ms > static_cast<double>(age_ms_max))
    return false;
  out = std::chrono::milliseconds{static_cast<std::int64_t>(*ms) + 1}; // fractions count as a whole one
  return true;
}

std::string hex_of(const token_hash& hash) {
  std::string digits(2 * hash.bytes.size(), '0');
  hex::write(hash.bytes.data(), hash.bytes.size(), digits.data());
  return digits;
}

/// A dead session whose ids are not told gets such as no other has, made of its token's hash: the index keeps it
/// under them.
session_record record_of_dead(const token_hash& hash, const json::object& from) {
  session_record record;
  std::memcpy(record.session_id.bytes.data(), hash.bytes.data(), 16);
  std::memcpy(record.account_id.bytes.data(), hash.bytes.data() + 16, 16);
  record.session_id = id_of(from, "session_id").value_or(record.session_id);
  record.account_id = id_of(from, "account_id").value_or(record.account_id);
  return record;
}

std::optional<session_record> record_of_active(const json::object& from) {
  auto session_id = id_of(from, "session_id");
  auto account_id = id_of(from, "account_id");
  auto created_at = time_of(from, "created_at");
  auto is_guest = flag_of(from, "is_guest");
  if (!session_id || !account_id || !created_at || !is_guest)
    return std::nullopt;
  session_record record;
  record.session_id = *session_id;
  record.account_id = *account_id;
  record.created_at = *created_at;
  record.is_guest = *is_guest;
  if (!read_time(from, "expires_at", record.expires_at))
    return std::nullopt;
  return record;
}

std::optional<store::find_session::result> found_of(const token_hash& hash, const json::value& entry) {
  auto* from = entry.if_object();
  auto status = from == nullptr ? std::nullopt : view_of(*from, "status");
  if (!status)
    return std::nullopt;
  if (*status == "unknown")
    return store::find_session::result{};
  if (*status == "revoked")
    return store::find_session::result{session_status::revoked, record_of_dead(hash, *from)};
  if (*status == "expired")
    return store::find_session::result{session_status::expired, record_of_dead(hash, *from)};
  auto record = *status == "active" ? record_of_active(*from) : std::nullopt;
  if (!record)
    return std::nullopt;
  return store::find_session::result{session_status::active, *record};
}

/// A number for people: one that is none is left out.
std::optional<std::chrono::milliseconds> event_age_of(const json::object& from) {
  auto ms = from.if_contains("age_ms") == nullptr ? std::nullopt : number_of<double>(from, "age_ms");
  if (!ms || !(*ms >= 0) || *ms > static_cast<double>(age_ms_max))
    return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*ms)};
}

std::optional<revocation_event> event_of(const json::value& entry) {
  auto* from = entry.if_object();
  auto type = from == nullptr ? std::nullopt : view_of(*from, "type");
  if (!type)
    return std::nullopt;
  auto seq = number_of<std::uint64_t>(*from, "seq");
  auto account_id = id_of(*from, "account_id");
  if (!seq || !account_id)
    return std::nullopt;
  revocation_event event;
  event.seq = *seq;
  event.account_id = *account_id;
  event.reason = view_of(*from, "reason").value_or("");
  event.occurred_at = time_of(*from, "occurred_at").value_or(timestamp{});
  if (*type == "session.revoked") {
    auto session_id = id_of(*from, "session_id");
    if (!session_id)
      return std::nullopt;
    event.session_id = *session_id;
    return event;
  }
  auto generation = number_of<std::int32_t>(*from, "generation");
  if (*type != "account.revoked" || !generation)
    return std::nullopt;
  event.kind = revocation_kind::account;
  event.generation = *generation;
  return event;
}

} // namespace

std::string render_lookup(const std::vector<token_hash>& hashes, const std::optional<cursor>& min_cursor) {
  json::array list;
  list.reserve(hashes.size());
  for (auto& hash : hashes)
    list.emplace_back(hex_of(hash));
  json::object body{{"hashes", std::move(list)}};
  if (min_cursor)
    body["min_cursor"] = to_string(*min_cursor);
  return json::serialize(body);
}

result<lookup_page> decode_lookup(std::string_view body, const std::vector<token_hash>& hashes) {
  auto from = parse_object(body);
  if (!from)
    return garbage("no JSON object");
  auto* list = from->if_contains("results");
  if (list == nullptr || !list->is_array() || list->get_array().size() != hashes.size())
    return garbage("not one result for each hash");
  lookup_page page;
  if (!read_age(*from, page.age))
    return garbage("an age that is none");
  page.results.reserve(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    auto found = found_of(hashes[i], list->get_array()[i]);
    if (!found)
      return garbage("a result of an unknown form");
    page.results.push_back(*found);
  }
  return page;
}

std::string feed_target(const std::optional<cursor>& after, std::size_t limit, std::chrono::seconds wait) {
  std::string target = "/api/v1/internal/revocations?limit=" + std::to_string(limit);
  if (after)
    target += "&cursor=" + to_string(*after);
  if (wait.count() > 0)
    target += "&wait=" + std::to_string(wait.count());
  return target;
}

result<event_page> decode_event_page(std::string_view body) {
  auto from = parse_object(body);
  if (!from)
    return garbage("no JSON object");
  auto* list = from->if_contains("events");
  auto position = cursor_of(*from);
  auto reset = flag_of(*from, "reset");
  if (list == nullptr || !list->is_array() || !position || !reset)
    return garbage("no events, cursor or reset");
  event_page page;
  page.position = *position;
  page.reset = *reset;
  if (!read_age(*from, page.age))
    return garbage("an age that is none");
  if (!read_time(*from, "now", page.now))
    return garbage("a time that is none");
  std::uint64_t last = 0;
  for (auto& entry : list->get_array()) {
    auto event = event_of(entry);
    if (!event || event->seq <= last || event->seq > position->seq)
      return garbage("an event of an unknown form or out of order");
    last = event->seq;
    page.events.push_back(std::move(*event));
    page.event_ages.push_back(event_age_of(entry.get_object()));
  }
  return page;
}

} // namespace portcullis::edge
