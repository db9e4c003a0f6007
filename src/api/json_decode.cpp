#include "api/json.hpp"

#include "api/json_members.hpp"
#include "core/hex.hpp"
#include "http/query.hpp"
#include "text/device.hpp"
#include "text/display_name.hpp"
#include "text/identity.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstdint>
#include <tuple>

namespace portcullis::api {

namespace {

namespace json = boost::json;

// -- values ------------------------------------------------------------------------------------------------

/// A wrong JSON type is a caller's defect and refused; whatever a client put into a text is not.
refusal read_device(const json::object& body, device& out) {
  const json::object* from = nullptr;
  if (auto wrong = read_object(body, "device", from))
    return wrong;
  if (from == nullptr)
    return {};
  std::string_view label;
  std::string_view user_agent;
  std::string_view ip;
  const std::tuple<std::string_view, std::string_view&> members[]{
    {"device.label", label}, {"device.user_agent", user_agent}, {"device.ip", ip}};
  for (const auto& [path, text] : members)
    if (auto wrong = view_text(*from, path, text))
      return wrong;
  out.label = text::storable_text(label, text::device_label_bytes_max);
  out.user_agent = text::storable_text(user_agent, text::user_agent_bytes_max);
  out.ip = text::storable_address(ip);
  return {};
}

refusal read_display_name(const json::object& body, std::optional<std::string>& out) {
  std::optional<std::string> given;
  if (auto wrong = read_text(body, "display_name", given))
    return wrong;
  if (!given)
    return {};
  auto name = text::normalize_display_name(*given);
  if (!name)
    return unacceptable("display_name", name.error().detail);
  out = *std::move(name);
  return {};
}

refusal make_identity(std::string_view kind_name, std::string_view kind_text, std::string_view id_name,
                      std::string_view id_text, identity_key& out) {
  const auto kind = parse_identity_kind(kind_text);
  if (!kind)
    return unacceptable(kind_name, "must be `telegram` or `email`.");
  auto external_id = text::normalize_external_id(*kind, id_text);
  if (!external_id)
    return unacceptable(id_name, "is not acceptable: " + external_id.error().detail);
  out = {*kind, *std::move(external_id)};
  return {};
}

/// An identity's two members, which are named by `kind_path` and `id_path`.
refusal read_identity(const json::object& from, identity_key& out, std::string_view kind_path = "identity.kind",
                      std::string_view id_path = "identity.external_id") {
  std::optional<std::string> kind;
  std::optional<std::string> external_id;
  if (auto wrong = read_text(from, kind_path, kind))
    return wrong;
  if (auto wrong = read_text(from, id_path, external_id))
    return wrong;
  if (!kind)
    return malformed(kind_path, "is missing.");
  if (!external_id)
    return malformed(id_path, "is missing.");
  return make_identity(kind_path, *kind, id_path, *external_id, out);
}

refusal read_holder(const json::object& body, std::variant<uuid, identity_key>& out) {
  std::optional<std::string> account_id;
  const json::object* from = nullptr;
  if (auto wrong = read_text(body, "account_id", account_id))
    return wrong;
  if (auto wrong = read_object(body, "identity", from))
    return wrong;
  if (account_id.has_value() == (from != nullptr))
    return failure{errc::body_malformed, "The body must have exactly one of `account_id` and `identity`."};
  if (from != nullptr) {
    identity_key key;
    auto wrong = read_identity(*from, key);
    out = std::move(key);
    return wrong;
  }
  const auto id = uuid::parse(*account_id);
  if (!id)
    return failure{errc::id_malformed, "`account_id` must be a UUID."};
  out = *id;
  return {};
}

// -- bodies ------------------------------------------------------------------------------------------------

} // namespace

result<guest_mint_body> decode_guest_mint(std::string_view body) {
  return decode<guest_mint_body>(
    body, [](const json::object& from, guest_mint_body& out) { return read_device(from, out.device); });
}

result<mint_body> decode_mint(std::string_view body) {
  return decode<mint_body>(body, [](const json::object& from, mint_body& out) -> refusal {
    if (auto wrong = read_holder(from, out.holder))
      return wrong;
    if (auto wrong = read_display_name(from, out.display_name))
      return wrong;
    return read_device(from, out.device);
  });
}

result<account_body> decode_account(std::string_view body) {
  return decode<account_body>(body, [](const json::object& from, account_body& out) -> refusal {
    const json::object* named = nullptr;
    if (auto wrong = read_object(from, "identity", named))
      return wrong;
    if (named == nullptr)
      return malformed("identity", "is missing.");
    if (auto wrong = read_identity(*named, out.identity))
      return wrong;
    return read_display_name(from, out.display_name);
  });
}

result<link_body> decode_link(std::string_view body) {
  return decode<link_body>(body, [](const json::object& from, link_body& out) -> refusal {
    if (auto wrong = read_identity(from, out.identity, "kind", "external_id"))
      return wrong;
    if (auto wrong = read_flag(from, "rotate", out.rotate))
      return wrong;
    return read_device(from, out.device);
  });
}

result<profile_body> decode_profile(std::string_view body) {
  return decode<profile_body>(body, [](const json::object& from, profile_body& out) -> refusal {
    if (!from.contains("display_name")) // null clears it, so it has to be said
      return malformed("display_name", "is missing.");
    return read_display_name(from, out.display_name);
  });
}

result<seat_body> decode_seat(std::string_view body) {
  return decode<seat_body>(body, [](const json::object& from, seat_body& out) -> refusal {
    const auto* member = find(from, "seat");
    if (member == nullptr)
      return {};
    if (!member->is_int64() && !member->is_uint64())
      return malformed("seat", "must be a whole number or null.");
    json::error_code ec;
    const auto seat = member->to_number<std::int32_t>(ec);
    if (ec || seat < 0)
      return unacceptable("seat", "must be from 0 to 2147483647.");
    out.seat = seat;
    return {};
  });
}

result<sweep_body> decode_sweep(std::string_view body) {
  return decode<sweep_body>(
    body, [](const json::object& from, sweep_body& out) { return read_flag(from, "dry_run", out.dry_run); });
}

result<revocation_body> decode_revocation(std::string_view body, std::string_view query) {
  auto from_query = http::query_parameter(query, "reason");
  if (!from_query)
    return std::move(from_query).error();
  const auto& parameter = *from_query;
  return decode<revocation_body>(body, [&](const json::object& from, revocation_body& out) -> refusal {
    auto reason = parameter;
    if (auto wrong = read_reason(from, reason))
      return wrong;
    out.reason = std::move(reason).value_or("");
    return {};
  });
}

result<lookup_body> decode_lookup(std::string_view body) {
  return decode<lookup_body>(body, [](const json::object& from, lookup_body& out) -> refusal {
    const auto* member = find(from, "hashes");
    const auto* hashes = member == nullptr ? nullptr : member->if_array();
    if (hashes == nullptr)
      return malformed("hashes", member == nullptr ? "is missing." : "must be an array of strings.");
    if (hashes->size() > lookup_hashes_max)
      return unacceptable("hashes", "must have at most " + std::to_string(lookup_hashes_max) + " elements.");
    out.hashes.reserve(hashes->size());
    for (const auto& element : *hashes) {
      const auto path = "hashes[" + std::to_string(out.hashes.size()) + "]";
      const auto* text = element.if_string();
      if (text == nullptr)
        return malformed(path, "must be a string.");
      token_hash hash;
      if (!hex::read({text->data(), text->size()}, hash.bytes.data(), hash.bytes.size()))
        return unacceptable(path, "must be a SHA-256 of 64 hexadecimal digits.");
      out.hashes.push_back(hash);
    }
    std::optional<std::string> min_cursor;
    if (auto wrong = read_text(from, "min_cursor", min_cursor))
      return wrong;
    if (!min_cursor)
      return {};
    out.min_cursor = cursor::parse(*min_cursor);
    if (!out.min_cursor)
      return unacceptable("min_cursor", "must be a cursor that this service gave.");
    return {};
  });
}

result<identity_key> decode_identity_query(std::string_view query) {
  std::array<std::string, 2> values;
  constexpr std::array<std::string_view, 2> names{"kind", "external_id"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto parameter = http::query_parameter(query, names[i]);
    if (!parameter)
      return std::move(parameter).error();
    auto& value = *parameter;
    if (!value)
      return failure{errc::parameter_malformed, "The query parameter `" + std::string{names[i]} + "` is missing."};
    if (value->find('\0') != std::string::npos)
      return unacceptable(names[i], "must not hold a NUL character.");
    values[i] = *std::move(value);
  }
  identity_key key;
  if (auto wrong = make_identity("kind", values[0], "external_id", values[1], key))
    return *std::move(wrong);
  return key;
}

result<identity_key> decode_identity_segments(std::string_view kind, std::string_view external_id) {
  auto id = http::decode_segment(external_id);
  if (!id)
    return std::move(id).error();
  identity_key key;
  if (auto wrong = make_identity("kind", kind, "external_id", *id, key))
    return *std::move(wrong);
  return key;
}

} // namespace portcullis::api
