#include "http/accept.hpp"

#include "core/ascii.hpp"
#include "http/grammar.hpp"

#include <optional>

namespace portcullis::http {

namespace {

/// How closely a media range describes a media type.
enum class specificity { none, any, type, variant, exact };

struct preference {
  specificity match = specificity::none;
  int weight = 0; // in thousandths
};

constexpr int full_weight = 1000;

/// weight = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3("0") ], in thousandths.
std::optional<int> parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.'))
    return {};
  int thousandths = text[0] - '0';
  for (std::size_t i = 2; i < 5; ++i) {
    const char digit = i < text.size() ? text[i] : '0';
    if (!ascii::is_digit(digit))
      return {};
    thousandths = thousandths * 10 + (digit - '0');
  }
  return thousandths <= full_weight ? std::optional{thousandths} : std::nullopt;
}

specificity match(std::string_view range, std::string_view media_type) noexcept {
  if (ascii::iequals(range, media_type))
    return specificity::exact;
  if (range == "*/*")
    return specificity::any;
  const auto slash = media_type.find('/');
  if (range.size() == slash + 2 && ascii::iequals(range.substr(0, slash + 1), media_type.substr(0, slash + 1))
      && range.back() == '*')
    return specificity::type;
  return specificity::none;
}

/// What one element of the list says of `media_type`; nothing when it does not match or is malformed.
preference read_element(std::string_view element, std::string_view media_type) noexcept {
  preference found{match(take_until_unquoted(element, ';'), media_type), full_weight};
  if (found.match == specificity::none)
    return {};
  while (!element.empty()) {
    const auto text = take_until_unquoted(element, ';');
    if (text.empty())
      continue;
    const auto parameter = parse_parameter(text);
    if (!parameter)
      return {};
    if (ascii::iequals(parameter->name, "q")) {
      // Behind the weight there could only be extensions that nothing defines.
      const auto weight = parse_weight(parameter->value);
      return weight ? preference{found.match, *weight} : preference{};
    }
    if (!ascii::iequals(parameter->name, "charset") && found.match == specificity::exact)
      found.match = specificity::variant;
  }
  return found;
}

/// The most specific match of all lines, and of equals the one with the highest weight.
preference best_match(field_lines lines, std::string_view media_type, bool& is_given) noexcept {
  preference best;
  for (auto line = lines.next(); line; line = lines.next()) {
    is_given = true;
    while (!line->empty()) {
      const auto found = read_element(take_until_unquoted(*line, ','), media_type);
      if (found.match > best.match || (found.match == best.match && found.weight > best.weight))
        best = found;
    }
  }
  return best;
}

/// The weight of an element behind its name: full when none is said, nothing when it is malformed.
std::optional<int> weight_behind(std::string_view element) noexcept {
  while (!element.empty()) {
    const auto parameter = parse_parameter(take_until_unquoted(element, ';'));
    if (!parameter)
      return {};
    if (ascii::iequals(parameter->name, "q"))
      return parse_weight(parameter->value);
  }
  return full_weight;
}

} // namespace

double quality_of(field_lines accept_lines, std::string_view media_type) {
  bool is_given = false;
  const auto best = best_match(accept_lines, media_type, is_given);
  if (!is_given)
    return 1;
  return static_cast<double>(best.weight) / full_weight;
}

bool prefers_by_name(field_lines accept_lines, std::string_view wanted, std::string_view other) {
  bool is_given = false;
  const auto named = best_match(accept_lines, wanted, is_given);
  const auto instead = best_match(accept_lines, other, is_given);
  return named.match >= specificity::variant && named.weight > 0 && named.weight >= instead.weight;
}

bool prefers_event_stream(field_lines accept_lines) {
  return prefers_by_name(accept_lines, "text/event-stream", "application/json");
}

bool prefers_event_stream(const request& r) {
  return prefers_event_stream(field_lines{r.head, "accept"});
}

std::string_view to_string(content_coding c) noexcept {
  switch (c) {
  case content_coding::identity:
    return "identity";
  case content_coding::gzip:
    return "gzip";
  case content_coding::brotli:
    return "br";
  }
  return "identity";
}

content_coding choose_coding(field_lines accept_encoding_lines, bool has_gzip, bool has_brotli) {
  std::optional<int> gzip;
  std::optional<int> brotli;
  std::optional<int> any;
  int identity = 0; // that it is taken at all goes without saying
  for (auto line = accept_encoding_lines.next(); line; line = accept_encoding_lines.next()) {
    while (!line->empty()) {
      auto element = take_until_unquoted(*line, ',');
      const auto coding = take_until_unquoted(element, ';');
      const auto weight = weight_behind(element);
      if (ascii::iequals(coding, "gzip") || ascii::iequals(coding, "x-gzip")) // RFC 9110, section 8.4.1.3
        gzip = weight;
      else if (ascii::iequals(coding, "br")) // RFC 7932, section 13
        brotli = weight;
      else if (ascii::iequals(coding, "identity"))
        identity = weight.value_or(0);
      else if (coding == "*")
        any = weight;
    }
  }
  const int of_gzip = has_gzip ? gzip.value_or(any.value_or(0)) : 0;
  const int of_brotli = has_brotli ? brotli.value_or(any.value_or(0)) : 0;
  const int best = std::max(of_gzip, of_brotli);
  if (best == 0 || best < identity)
    return content_coding::identity;
  return of_brotli == best ? content_coding::brotli : content_coding::gzip;
}

} // namespace portcullis::http
