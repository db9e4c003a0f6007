#pragma once

#include "core/result.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What a request says outside its JSON: query strings, path segments, forms and media types.
namespace portcullis::http {

/// Checks the media type of a body: `application/json` in any case, with or without parameters (charset utf-8
/// only). An empty body needs none.
result<void> check_json_media_type(std::string_view content_type, std::string_view body);

/// The value of one query parameter, percent-decoded (`+` is a space); nothing when it is absent. A
/// parameter that is given twice, or that is not valid UTF-8 once decoded, is `parameter_malformed`.
result<std::optional<std::string>> query_parameter(std::string_view query, std::string_view name);

/// One segment of a path, percent-decoded (`+` is itself).
result<std::string> decode_segment(std::string_view segment);

/// The one value of `name` in an `application/x-www-form-urlencoded` body.
result<std::string> decode_form_field(std::string_view content_type, std::string_view body, std::string_view name);

/// `parameter_malformed` with a sentence that names the parameter.
failure malformed_parameter(std::string_view name, std::string_view what);

} // namespace portcullis::http
