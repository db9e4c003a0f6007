#pragma once

#include "core/result.hpp"
#include "ctl/service_client.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::ctl {

/// What a script can rely on; docs/ctl.md and the manual tell the same.
enum class exit_code : std::uint8_t {
  done = 0,
  refused = 1,     // the service refused; of `doctor`: something is wrong
  usage = 2,       // the command line cannot be understood
  not_found = 3,   // there is no such session, account or job
  not_allowed = 4, // the caller is not known, or has no right to this
  unavailable = 5, // no answer, or one that says to come again
  declined = 6,    // it was not confirmed
};

enum class output_form : std::uint8_t { table, json };

struct settings {
  client_options service;
  output_form output = output_form::table;
  bool is_confirmed = false; // --yes
};

/// What a command has at hand.
class context {
public:
  explicit context(const settings& given);

  const settings& given() const noexcept {
    return given_;
  }
  bool wants_json() const noexcept {
    return given_.output == output_form::json;
  }

  result<service_answer> ask(verb method, std::string_view target, std::string_view body = {}) const;

  /// Asks, and has `show` print the JSON of an answer that is no error; what is one is told on standard error.
  template <class Show>
  exit_code ask_and_show(verb method, std::string_view target, std::string_view body, Show show) const {
    const auto answer = ask(method, target, body);
    if (const auto code = judge(answer); code != exit_code::done)
      return code;
    if (wants_json() || answer->body.empty())
      return print_json(answer->body);
    const auto value = parse(answer->body);
    if (!value)
      return garbage();
    show(*value);
    return exit_code::done;
  }

  /// `done`, or what went wrong, which is told.
  static exit_code judge(const result<service_answer>& answer);

  static std::optional<boost::json::value> parse(const std::string& body);
  static exit_code print_json(std::string_view text);
  static exit_code garbage();

private:
  settings given_;
  service_client client_;
};

/// The rows of a list that comes in pages, `rows_max` of them at most. `what` is the list's member.
result<boost::json::array> ask_for_pages(const context& with, std::string target, std::string_view what,
                                         std::size_t rows_max, exit_code& code);

/// The member at a dotted path, as people read it: empty for what is absent or null.
std::string text_at(const boost::json::value& from, std::string_view path);

/// `text` as a part of a query or of a path.
std::string percent_encoded(std::string_view text);

void complain(std::string_view what);

} // namespace portcullis::ctl
