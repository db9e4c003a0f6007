#include "api/json.hpp"
#include "http/query.hpp"
#include "text/identity.hpp"
#include "trust/callers_file.hpp"

#include <charconv>

/// Query strings and path segments of the contract.
namespace portcullis::api {

namespace {

constexpr std::size_t page_limit_max = 200;

} // namespace

result<page_query> decode_page(std::string_view query) {
  page_query page;
  auto limit = http::query_parameter(query, "limit");
  if (!limit)
    return std::move(limit).error();
  if (const auto& text = *limit) {
    const auto* end = text->data() + text->size();
    const auto [stop, ec] = std::from_chars(text->data(), end, page.limit);
    if (ec != std::errc{} || stop != end || page.limit < 1 || page.limit > page_limit_max)
      return http::malformed_parameter("limit",
                                       "must be a number from 1 to " + std::to_string(page_limit_max) + ".");
  }
  auto after = http::query_parameter(query, "after");
  if (!after)
    return std::move(after).error();
  if (const auto& text = *after) {
    page.after = uuid::parse(*text);
    if (!page.after)
      return http::malformed_parameter("after", "must be the id that the last page gave as `next`.");
  }
  return page;
}

namespace {

/// A parameter that `parse` turns into a `T`; left alone when it is absent.
template <class T, class Parse>
std::optional<failure> read_parameter(std::string_view query, std::string_view name, std::optional<T>& out,
                                      std::string_view takes, Parse parse) {
  auto parameter = http::query_parameter(query, name);
  if (!parameter)
    return std::move(parameter).error();
  const auto& text = *parameter;
  if (!text)
    return {};
  out = parse(*text);
  if (!out)
    return http::malformed_parameter(name, takes);
  return {};
}

/// An offset's `+` that was not escaped has become a space, which no time has in that place.
std::optional<timestamp> parse_time(std::string text) {
  constexpr std::string_view offset = " 00:00";
  if (text.size() > offset.size() && text[text.size() - offset.size()] == ' ')
    text[text.size() - offset.size()] = '+';
  return parse_rfc3339(text);
}

std::optional<std::string> parse_caller_name(std::string_view text) {
  return trust::is_caller_name(text) ? std::optional<std::string>{text} : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "false")
    return text == "true";
  return {};
}

} // namespace

result<account_filter> decode_account_filter(std::string_view query) {
  account_filter out;
  constexpr std::string_view time = "must be a time like 2026-01-02T03:04:05Z.";
  if (auto wrong = read_parameter(query, "kind", out.kind, "must be `telegram` or `email`.", parse_identity_kind))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "external_id", out.external_id_prefix,
                                  "must be the first 1 to 254 bytes of an id.", text::fold_identity_prefix))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "guest", out.is_guest, "must be true or false.", parse_flag))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "created_before", out.created_before, time, parse_time))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "created_after", out.created_after, time, parse_time))
    return *std::move(wrong);
  return out;
}

result<audit_filter> decode_audit_filter(std::string_view query) {
  audit_filter out;
  constexpr std::string_view time = "must be a time like 2026-01-02T03:04:05Z.";
  if (auto wrong = read_parameter(query, "account_id", out.account_id, "must be a UUID.", uuid::parse))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "caller", out.caller, "must be the name of a caller.", parse_caller_name))
    return *std::move(wrong);
  if (auto wrong =
        read_parameter(query, "action", out.action, "must be an action like session.minted.", parse_audit_action))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "since", out.since, time, parse_time))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "until", out.until, time, parse_time))
    return *std::move(wrong);
  return out;
}

result<uuid> decode_id(std::string_view segment) {
  if (const auto id = uuid::parse(segment))
    return *id;
  return failure{errc::id_malformed, "The id in the path must be a UUID."};
}

} // namespace portcullis::api
