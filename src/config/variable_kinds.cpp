#include "config/variable_kinds.hpp"

#include <unistd.h>

#include <algorithm>

namespace portcullis::config {

namespace {

bool is_host_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

bool is_ipv6_like(std::string_view text) {
  return text.find(':') != std::string_view::npos && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':'
                  || c == '.';
         });
}

} // namespace

bool parse_address(std::string_view text, std::string* host, std::uint16_t* port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return false;
  std::string_view name = text.substr(0, colon);
  const auto number = parse_integer<std::uint16_t>(text.substr(colon + 1));
  const bool is_bracketed = name.size() > 2 && name.front() == '[' && name.back() == ']';
  if (is_bracketed)
    name = name.substr(1, name.size() - 2);
  if (!number || !(is_bracketed ? is_ipv6_like(name) : is_host_name(name)))
    return false;
  *host = name;
  *port = *number;
  return true;
}

variable variable_maker::make(std::string_view suffix, std::string takes, std::string_view help) const {
  variable v;
  v.name = prefix_ + std::string{suffix};
  v.takes = std::move(takes);
  v.help = help;
  return v;
}

variable variable_maker::addresses(std::string_view help) const {
  variable v = make("HTTP_ADDR",
                    "host:port, :port or [IPv6 address]:port, each with ;tls and "
                    ";audiences=public,internal,user,admin,metrics as wanted, separated by commas",
                    help);
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    auto all = parse_listen_addresses(text);
    if (!all)
      return complaint;
    s.http.listen = *std::move(all);
    return std::string{};
  };
  v.show = [](const settings& s) { return to_string(s.http.listen); };
  return v;
}

variable variable_maker::service_name(std::string_view help) const {
  constexpr std::size_t length_max = 128;
  variable v = make("SERVICE_NAME", "1 to 128 printable ASCII characters", help);
  v.set = [complaint = "takes " + v.takes](settings& s, std::string_view text) {
    const bool is_printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!is_printable || text.size() > length_max)
      return complaint;
    s.telemetry.service_name = text;
    return std::string{};
  };
  v.show = [](const settings& s) { return s.telemetry.service_name; };
  return v;
}

bool variable_maker::is_readable(const std::string& path) {
  return ::access(path.c_str(), R_OK) == 0;
}

} // namespace portcullis::config
