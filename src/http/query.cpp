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

/// `application/x-www-form-urlencoded`, as browsers and clients write queries; nothing when an escape is cut short
/// or not hexadecimal.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
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

decoded<uuid> decode_id(std::string_view segment) {
  if (const auto id = uuid::parse(segment))
    return *id;
  return failure{errc::id_malformed, "The id in the path must be a UUID."};
}

} // namespace portcullis::http
