#include "ctl/context.hpp"

#include <boost/json.hpp>

#include <iostream>
#include <utility>

namespace portcullis::ctl {

namespace json = boost::json;

namespace {

constexpr std::size_t page_rows_max = 200; // of the contract

exit_code code_of(int status) {
  switch (status) {
  case 401:
  case 403:
    return exit_code::not_allowed;
  case 404:
    return exit_code::not_found;
  case 408:
  case 429:
  case 502:
  case 503:
  case 504:
    return exit_code::unavailable;
  default:
    return status >= 200 && status < 300 ? exit_code::done : exit_code::refused;
  }
}

const json::value* member_at(const json::value& from, std::string_view path) {
  const auto* at = &from;
  while (at != nullptr && !path.empty()) {
    const auto dot = path.find('.');
    const auto* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return at;
}

} // namespace

void complain(std::string_view what) {
  std::cerr << "portcullis ctl: " << what << '\n';
}

context::context(const settings& given) : given_(given), client_(given.service) {}

result<service_answer> context::ask(verb method, std::string_view target, std::string_view body) const {
  return client_.call(method, target, body);
}

exit_code context::judge(const result<service_answer>& answer) {
  if (!answer) {
    complain("no answer: " + answer.error().detail);
    return exit_code::unavailable;
  }
  const auto code = code_of(answer->status);
  if (code == exit_code::done)
    return code;
  const auto problem = parse(answer->body);
  auto sentence = std::to_string(answer->status);
  if (problem && problem->is_object())
    sentence += " " + text_at(*problem, "code") + ": " + text_at(*problem, "detail");
  complain(sentence);
  return code;
}

std::optional<json::value> context::parse(const std::string& body) {
  json::error_code ec;
  auto value = json::parse(body, ec);
  return ec ? std::nullopt : std::optional{std::move(value)};
}

exit_code context::print_json(std::string_view text) {
  if (!text.empty())
    std::cout << text << '\n';
  return std::cout.flush() ? exit_code::done : exit_code::refused;
}

exit_code context::garbage() {
  complain("the answer is not what the service says: is the address right?");
  return exit_code::refused;
}

result<json::array> ask_for_pages(const context& with, std::string target, std::string_view what,
                                  std::size_t rows_max, exit_code& code) {
  json::array rows;
  std::string after;
  target += target.find('?') == std::string::npos ? '?' : '&';
  do {
    const auto limit = std::to_string(std::min(page_rows_max, rows_max - rows.size()));
    auto page = target + "limit=" + limit;
    if (!after.empty())
      page += "&after=" + percent_encoded(after);
    const auto answer = with.ask(verb::get, page);
    code = context::judge(answer);
    if (code != exit_code::done)
      return failure{errc::internal, {}};
    const auto value = context::parse(answer->body);
    const auto* list = value ? member_at(*value, what) : nullptr;
    if (list == nullptr || !list->is_array()) {
      code = context::garbage();
      return failure{errc::internal, {}};
    }
    rows.insert(rows.end(), list->get_array().begin(), list->get_array().end());
    after = text_at(*value, "next");
  } while (!after.empty() && rows.size() < rows_max);
  if (!after.empty())
    complain("there are more: raise --limit");
  return rows;
}

std::string text_at(const json::value& from, std::string_view path) {
  const auto* at = member_at(from, path);
  if (at == nullptr || at->is_null())
    return {};
  if (const auto* text = at->if_string())
    return {text->data(), text->size()};
  return json::serialize(*at);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"; // RFC 3986, 2.3
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

} // namespace portcullis::ctl
