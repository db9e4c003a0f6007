#pragma once

#include "config/variables.hpp"
#include "core/time.hpp"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// How variables of each kind are read and shown.
namespace portcullis::config {

template <class T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Reaches a value through a chain of members, in a constant and in a mutable `settings` alike.
template <class... Members>
auto in(Members... members) {
  return [=](auto& s) -> auto& {
    return (s.*....*members);
  };
}

/// Makes the variables of one role: names get its prefix, examples are its defaults. `at` is made by `in`.
class variable_maker {
public:
  explicit variable_maker(role whose) : prefix_(prefix_of(whose)), defaults_(defaults_of(whose)) {}

  template <class At>
  variable count(std::string_view suffix, At at, std::size_t min, std::size_t max, std::string_view help) const {
    variable v = make(suffix, "an integer from " + std::to_string(min) + " to " + std::to_string(max), help);
    v.set = [at, min, max, complaint = "takes " + v.takes](settings& s, std::string_view text) {
      const auto value = parse_integer<std::size_t>(text);
      if (!value || *value < min || *value > max)
        return complaint;
      at(s) = *value;
      return std::string{};
    };
    v.show = [at](const settings& s) { return std::to_string(at(s)); };
    return v;
  }

  template <class At>
  variable duration(std::string_view suffix, At at, milliseconds min, milliseconds max,
                    std::string_view help) const {
    variable v = make(suffix,
                      "a duration from " + to_go_duration(min) + " to " + to_go_duration(max) + ", such as "
                        + to_go_duration(at(defaults_)),
                      help);
    v.set = [at, min, max, complaint = "takes " + v.takes](settings& s, std::string_view text) {
      const auto value = parse_go_duration(text);
      if (!value || *value < min || *value > max)
        return complaint;
      using kept = std::decay_t<decltype(at(s))>;
      at(s) = std::chrono::round<kept>(std::chrono::round<milliseconds>(*value));
      return std::string{};
    };
    v.show = [at](const settings& s) { return to_go_duration(at(s)); };
    return v;
  }

  /// One of a few words: `parse` and `to_string` are the type's own.
  template <class At, class Parse>
  variable choice(std::string_view suffix, At at, Parse parse, std::string takes, std::string_view help) const {
    variable v = make(suffix, std::move(takes), help);
    v.set = [at, parse, complaint = "takes " + v.takes](settings& s, std::string_view text) {
      const auto value = parse(text);
      if (!value)
        return complaint;
      at(s) = *value;
      return std::string{};
    };
    v.show = [at](const settings& s) { return std::string{to_string(at(s))}; };
    return v;
  }

  /// The path of a file that can be read now.
  template <class At>
  variable file(std::string_view suffix, At at, std::string_view help) const {
    variable v = make(suffix, "the path of a file that can be read", help);
    v.set = [at, complaint = "takes " + v.takes](settings& s, std::string_view text) {
      at(s) = text;
      return is_readable(at(s)) ? std::string{} : complaint;
    };
    v.show = [at](const settings& s) { return at(s); };
    return v;
  }

  variable addresses(std::string_view help) const;    // HTTP_ADDR: a list, each with its options
  variable service_name(std::string_view help) const; // SERVICE_NAME

  /// A variable that is described, and whose `set` and `show` are the caller's to give.
  variable make(std::string_view suffix, std::string takes, std::string_view help) const;

private:
  static bool is_readable(const std::string& path);

  std::string prefix_;
  settings defaults_;
};

/// `host:port`, `:port` or `[IPv6 address]:port`: the forms of Go's net.Listen that need no look-up of service
/// names.
bool parse_address(std::string_view text, std::string* host, std::uint16_t* port);

/// Those about what a process tells of itself: its log, and what it sends under which name.
std::vector<variable> log_variables(const variable_maker& make);
std::vector<variable> exporter_variables(const variable_maker& make);

/// Those about TLS of the listeners and about callers.
std::vector<variable> access_variables(const variable_maker& make);
/// Those of the service about who is behind a caller.
std::vector<variable> client_variables(const variable_maker& make);

std::vector<variable> service_variables();
std::vector<variable> edge_variables();

} // namespace portcullis::config
