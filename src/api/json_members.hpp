#pragma once

#include "core/error.hpp"
#include "core/result.hpp"
#include "trust/unique_names.hpp"

#include <boost/json.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Members of JSON bodies, read strictly.
namespace portcullis::api {

/// What is wrong, if anything is.
using refusal = std::optional<failure>;

failure malformed(std::string_view member, std::string_view what);
failure unacceptable(std::string_view member, std::string_view what);

/// The member, or null where it is absent or `null`, which mean the same.
const boost::json::value* find(const boost::json::object& from, std::string_view name);

// Every member is looked up by the last part of its dotted path in the body, and named by the whole. Each of these
// leaves `out` alone when the member is not said.

/// The view lives as long as the body.
refusal view_text(const boost::json::object& from, std::string_view path, std::string_view& out);
refusal read_text(const boost::json::object& from, std::string_view path, std::optional<std::string>& out);
refusal read_object(const boost::json::object& from, std::string_view path, const boost::json::object*& out);
refusal read_array(const boost::json::object& from, std::string_view path, const boost::json::array*& out);
refusal read_flag(const boost::json::object& from, std::string_view path, bool& out);

/// `reason`, a short text.
refusal read_reason(const boost::json::object& from, std::optional<std::string>& out);

inline constexpr std::size_t body_depth_max = 8; // the contract's deepest body has 2

/// Parses `body`, an empty one as `{}`, and has `read` fill a `T` from it. Invalid UTF-8, junk behind the value,
/// deep nesting and a name that an object has twice are refused.
template <class T, class Reader>
result<T> decode(std::string_view body, Reader read) {
  namespace json = boost::json;
  std::array<unsigned char, 4096> scratch; // NOLINT(cppcoreguidelines-pro-type-member-init): written before read
  json::monotonic_resource memory{scratch.data(), scratch.size()};
  json::parse_options options;
  options.max_depth = body_depth_max;
  json::error_code ec;
  const auto value = json::parse(body.empty() ? "{}" : body, ec, &memory, options);
  if (ec)
    return failure{errc::body_malformed, ec == json::error::too_deep ? "The body is nested too deeply."
                                                                     : "The body is not valid JSON in UTF-8."};
  const auto* object = value.if_object();
  if (object == nullptr)
    return failure{errc::body_malformed, "The body must be a JSON object."};
  if (!trust::has_unique_names(value, body))
    return failure{errc::body_malformed, "An object of the body has two members of the same name."};
  T out;
  if (auto wrong = read(*object, out))
    return *std::move(wrong);
  return out;
}

} // namespace portcullis::api
