#include "http/query.hpp"

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "core/utf8.hpp"
#include "http/grammar.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace portcullis::http {

namespace {

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = true) {
  std::string out(text.size(), char{});
  const auto size = percent_decode(text, plus_is_space, out.data());
  if (!size)
    return {};
  out.resize(*size);
  return out;
}

std::string_view take_until(std::string_view& text, char mark) noexcept {
  const auto piece = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(piece.size() + 1, text.size()));
  return piece;
}

} // namespace

result<void> check_json_media_type(std::string_view content_type, std::string_view body) {
  if (body.empty())
    return {};
  auto rest = content_type;
  if (!ascii::iequals(take_until_unquoted(rest, ';'), "application/json"))
    return failure{errc::media_type_unsupported, "The body must be `application/json`."};
  while (!rest.empty()) {
    const auto text = take_until_unquoted(rest, ';');
    if (text.empty())
      continue; // parameters = *( OWS ";" OWS [ parameter ] )
    const auto parameter = parse_parameter(text);
    if (!parameter)
      return failure{errc::media_type_unsupported, "The media type of the body is malformed."};
    if (ascii::iequals(parameter->name, "charset") && !parameter->value_is("utf-8"))
      return failure{errc::media_type_unsupported, "The body must be in UTF-8."};
  }
  return {};
}

result<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    auto value = take_until(query, '&');
    if (percent_decoded(take_until(value, '=')) != name)
      continue;
    if (found)
      return malformed_parameter(name, "is given twice.");
    found = percent_decoded(value);
    if (!found || !is_valid_utf8(*found))
      return malformed_parameter(name, "is not percent-encoded UTF-8.");
  }
  return found;
}

result<std::string> decode_segment(std::string_view segment) {
  auto text = percent_decoded(segment, false);
  if (!text || !is_valid_utf8(*text) || text->find('\0') != std::string::npos)
    return failure{errc::parameter_malformed, "The path is not percent-encoded UTF-8."};
  return *std::move(text);
}

result<std::string> decode_form_field(std::string_view content_type, std::string_view body,
                                      std::string_view name) {
  auto rest = content_type;
  if (!ascii::iequals(take_until_unquoted(rest, ';'), "application/x-www-form-urlencoded"))
    return failure{errc::media_type_unsupported, "The body must be `application/x-www-form-urlencoded`."};
  auto value = query_parameter(body, name);
  if (!value || !*value)
    return failure{errc::body_malformed, "The form must have exactly one `" + std::string{name} + "`."};
  return **std::move(value);
}

failure malformed_parameter(std::string_view name, std::string_view what) {
  return {errc::parameter_malformed, "The query parameter `" + std::string{name} + "` " + std::string{what}};
}

} // namespace portcullis::http
