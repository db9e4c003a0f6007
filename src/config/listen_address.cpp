#include "config/listen_address.hpp"

#include "config/variable_kinds.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace portcullis::config {

namespace {

constexpr std::size_t addresses_max = 16;
constexpr std::string_view audiences_option = "audiences=";
constexpr std::array<std::string_view, 5> audience_words{"public", "internal", "user", "admin", "metrics"};

/// Takes what is before the next `mark`, and the mark; all of `text` if there is none.
std::string_view take_until(std::string_view& text, char mark) {
  const auto end = text.find(mark);
  const auto taken = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return taken;
}

bool add_audience(std::string_view word, listen_address* out) {
  if (!is_audience(word))
    return false;
  out->audiences.emplace_back(word);
  return true;
}

/// `addr[;tls][;audiences=word]`: what a comma separates from it is the next address, or another word.
bool parse_one(std::string_view text, listen_address* out) {
  const bool has_options = text.find(';') != std::string_view::npos;
  if (!parse_address(take_until(text, ';'), &out->host, &out->port) || (has_options && text.empty()))
    return false;
  while (!text.empty()) {
    const auto option = take_until(text, ';');
    if (option == "tls" && !out->is_tls)
      out->is_tls = true;
    else if (option.substr(0, audiences_option.size()) != audiences_option || !out->audiences.empty()
             || !add_audience(option.substr(audiences_option.size()), out))
      return false;
  }
  return true;
}

} // namespace

bool is_audience(std::string_view word) noexcept {
  return std::find(audience_words.begin(), audience_words.end(), word) != audience_words.end();
}

std::optional<std::vector<listen_address>> parse_listen_addresses(std::string_view text) {
  if (text.empty() || text.back() == ',')
    return {};
  std::vector<listen_address> found;
  bool takes_words = false; // the last address ends in a list of audiences
  while (!text.empty()) {
    // Words have no colon, addresses have.
    auto part = take_until(text, ',');
    const auto word = part.substr(0, part.find(';'));
    if (takes_words && word.find(':') == std::string_view::npos) {
      if (!add_audience(part, &found.back())) // options stand before the list
        return {};
      continue;
    }
    if (found.size() == addresses_max || !parse_one(part, &found.emplace_back()))
      return {};
    takes_words = !found.back().audiences.empty();
  }
  return found;
}

std::string to_string(const std::vector<listen_address>& addresses) {
  std::string out;
  for (const auto& a : addresses) {
    const bool is_ipv6 = a.host.find(':') != std::string::npos;
    out += (out.empty() ? "" : ",") + (is_ipv6 ? '[' + a.host + ']' : a.host) + ':' + std::to_string(a.port);
    out += a.is_tls ? ";tls" : "";
    for (std::size_t i = 0; i < a.audiences.size(); ++i)
      out.append(i == 0 ? ";audiences=" : ",").append(a.audiences[i]);
  }
  return out;
}

} // namespace portcullis::config
