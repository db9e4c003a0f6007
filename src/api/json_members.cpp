#include "api/json_members.hpp"

namespace portcullis::api {

namespace json = boost::json;

namespace {

constexpr std::size_t reason_bytes_max = 200;

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

} // namespace

failure malformed(std::string_view member, std::string_view what) {
  return {errc::body_malformed, "`" + std::string{member} + "` " + std::string{what}};
}

failure unacceptable(std::string_view member, std::string_view what) {
  return {errc::value_unacceptable, "`" + std::string{member} + "` " + std::string{what}};
}

const json::value* find(const json::object& from, std::string_view name) {
  const auto* member = from.if_contains(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

refusal view_text(const json::object& from, std::string_view path, std::string_view& out) {
  const auto* member = find(from, last_part(path));
  if (member == nullptr)
    return {};
  const auto* text = member->if_string();
  if (text == nullptr)
    return malformed(path, "must be a string or null.");
  out = {text->data(), text->size()};
  return {};
}

refusal read_text(const json::object& from, std::string_view path, std::optional<std::string>& out) {
  std::string_view text;
  if (auto wrong = view_text(from, path, text))
    return wrong;
  if (text.data() == nullptr)
    return {};
  if (text.find('\0') != std::string_view::npos) // PostgreSQL's text cannot hold it
    return unacceptable(path, "must not hold a NUL character.");
  out.emplace(text);
  return {};
}

refusal read_object(const json::object& from, std::string_view path, const json::object*& out) {
  const auto* member = find(from, last_part(path));
  out = member == nullptr ? nullptr : member->if_object();
  if (member != nullptr && out == nullptr)
    return malformed(path, "must be an object or null.");
  return {};
}

refusal read_array(const json::object& from, std::string_view path, const json::array*& out) {
  const auto* member = find(from, last_part(path));
  out = member == nullptr ? nullptr : member->if_array();
  if (member != nullptr && out == nullptr)
    return malformed(path, "must be an array or null.");
  return {};
}

refusal read_flag(const json::object& from, std::string_view path, bool& out) {
  const auto* member = find(from, last_part(path));
  if (member == nullptr)
    return {};
  const auto* flag = member->if_bool();
  if (flag == nullptr)
    return malformed(path, "must be true or false.");
  out = *flag;
  return {};
}

refusal read_reason(const json::object& from, std::optional<std::string>& out) {
  if (auto wrong = read_text(from, "reason", out))
    return wrong;
  if (out && out->find('\0') != std::string::npos)
    return unacceptable("reason", "must not hold a NUL character.");
  if (out && out->size() > reason_bytes_max)
    return unacceptable("reason", "must be at most " + std::to_string(reason_bytes_max) + " bytes long.");
  return {};
}

} // namespace portcullis::api
