#include "http/json.hpp"

#include "core/utf8.hpp"
#include "http/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace portcullis::http {

namespace {

constexpr std::size_t page_limit_max = 200;

constexpr std::string_view ows = " \t"; // optional white space: RFC 9110, section 5.6.3

/// Percent-decoded; nothing when an escape is cut short or not hexadecimal. `plus_is_space`:
/// `application/x-www-form-urlencoded`, as browsers and clients write queries and forms.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = true) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? ascii::hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? ascii::hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return {};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

failure malformed(std::string_view name, std::string_view what) {
  return {errc::parameter_malformed, "The query parameter `" + std::string{name} + "` " + std::string{what}};
}

std::string_view take_until(std::string_view& text, char mark) noexcept {
  const auto piece = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(piece.size() + 1, text.size()));
  return piece;
}

} // namespace

std::optional<failure> check_json_media_type(std::string_view content_type, std::string_view body) {
  if (body.empty())
    return {};
  auto rest = content_type;
  if (!ascii::iequals(ascii::trim(take_until(rest, ';'), ows), "application/json"))
    return failure{errc::media_type_unsupported, "The body must be `application/json`."};
  while (!rest.empty()) {
    auto parameter = take_until(rest, ';');
    const auto name = ascii::trim(take_until(parameter, '='), ows);
    const auto value = ascii::trim(parameter, ows);
    if (ascii::iequals(name, "charset") && !ascii::iequals(value, "utf-8") && !ascii::iequals(value, "\"utf-8\""))
      return failure{errc::media_type_unsupported, "The body must be in UTF-8."};
  }
  return {};
}

decoded<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    auto value = take_until(query, '&');
    if (percent_decoded(take_until(value, '=')) != name)
      continue;
    if (found)
      return malformed(name, "is given twice.");
    found = percent_decoded(value);
    if (!found || !is_valid_utf8(*found))
      return malformed(name, "is not percent-encoded UTF-8.");
  }
  return found;
}

decoded<page_query> decode_page(std::string_view query) {
  page_query page;
  auto limit = query_parameter(query, "limit");
  if (auto* wrong = std::get_if<failure>(&limit))
    return std::move(*wrong);
  if (const auto& text = std::get<std::optional<std::string>>(limit)) {
    const auto* end = text->data() + text->size();
    const auto [stop, ec] = std::from_chars(text->data(), end, page.limit);
    if (ec != std::errc{} || stop != end || page.limit < 1 || page.limit > page_limit_max)
      return malformed("limit", "must be a number from 1 to " + std::to_string(page_limit_max) + ".");
  }
  auto after = query_parameter(query, "after");
  if (auto* wrong = std::get_if<failure>(&after))
    return std::move(*wrong);
  if (const auto& text = std::get<std::optional<std::string>>(after)) {
    page.after = uuid::parse(*text);
    if (!page.after)
      return malformed("after", "must be the id that the last page gave as `next`.");
  }
  return page;
}

decoded<std::string> decode_segment(std::string_view segment) {
  auto text = percent_decoded(segment, false);
  if (!text || !is_valid_utf8(*text) || text->find('\0') != std::string::npos)
    return failure{errc::parameter_malformed, "The path is not percent-encoded UTF-8."};
  return *std::move(text);
}

namespace {

/// A parameter that `parse` turns into a `T`; left alone when it is absent.
template <class T, class Parse>
std::optional<failure> read_parameter(std::string_view query, std::string_view name, std::optional<T>& out,
                                      std::string_view takes, Parse parse) {
  auto parameter = query_parameter(query, name);
  if (auto* wrong = std::get_if<failure>(&parameter))
    return std::move(*wrong);
  const auto& text = std::get<std::optional<std::string>>(parameter);
  if (!text)
    return {};
  out = parse(*text);
  if (!out)
    return malformed(name, takes);
  return {};
}

std::optional<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "false")
    return text == "true";
  return {};
}

std::optional<std::string> parse_prefix(std::string_view text) {
  if (text.empty() || text.size() > 254 || text.find('\0') != std::string_view::npos)
    return {};
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), ascii::to_lower); // as identities are kept
  return out;
}

} // namespace

decoded<account_filter> decode_account_filter(std::string_view query) {
  account_filter out;
  constexpr std::string_view time = "must be a time like 2026-01-02T03:04:05Z.";
  if (auto wrong = read_parameter(query, "kind", out.kind, "must be `telegram` or `email`.", parse_identity_kind))
    return *std::move(wrong);
  if (auto wrong =
        read_parameter(query, "external_id", out.external_id_prefix, "must be 1 to 254 bytes.", parse_prefix))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "guest", out.is_guest, "must be true or false.", parse_flag))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "created_before", out.created_before, time, parse_rfc3339))
    return *std::move(wrong);
  if (auto wrong = read_parameter(query, "created_after", out.created_after, time, parse_rfc3339))
    return *std::move(wrong);
  return out;
}

decoded<std::string> decode_form_token(std::string_view content_type, std::string_view body) {
  auto media_type = content_type.substr(0, content_type.find(';'));
  if (!ascii::iequals(ascii::trim(media_type, ows), "application/x-www-form-urlencoded"))
    return failure{errc::media_type_unsupported, "The body must be `application/x-www-form-urlencoded`."};
  auto token = query_parameter(body, "token");
  if (std::get_if<failure>(&token) != nullptr || !std::get<std::optional<std::string>>(token))
    return failure{errc::body_malformed, "The form must have exactly one `token`."};
  return *std::move(std::get<std::optional<std::string>>(token));
}

decoded<uuid> decode_id(std::string_view segment) {
  if (const auto id = uuid::parse(segment))
    return *id;
  return failure{errc::id_malformed, "The id in the path must be a UUID."};
}

} // namespace portcullis::http
