#include "config/command_line.hpp"

#include "telemetry/logfmt.hpp"

#include <algorithm>
#include <array>

namespace portcullis::config {

namespace {

struct command_description {
  config::command command;
  std::string_view name;
  std::string_view help;
};

constexpr std::array<command_description, 7> commands = {{
  {command::serve, "serve", "migrate the schema, then serve until SIGTERM or SIGINT (the default)"},
  {command::edge, "edge", "run the session cache that a gateway stands next to, in front of the service"},
  {command::migrate, "migrate", "bring the schema up to date and exit"},
  {command::check_config, "check-config", "print what a command would run with, secrets masked: [serve | edge]"},
  {command::ctl, "ctl",
   "operate a service from a shell: sessions, accounts, the feed, a check-up; see ctl --help"},
  {command::key, "key", "make a key for a caller: `portcullis key new NAME`"},
  {command::version, "version", "print name and version"},
}};

const command_description& describe(command c) noexcept {
  return *std::find_if(commands.begin(), commands.end(), [c](const auto& d) { return d.command == c; });
}

std::string complain(std::string_view what, std::string_view argument) {
  return "portcullis: " + std::string{what} + ' ' + log::quoted(argument) + "; see portcullis --help";
}

std::string general_help() {
  std::string out =
    "Usage: portcullis [command] [--help]\n\n"
    "Sessions for an API gateway: minted, resolved, revoked, and every revocation told.\n\nCommands:\n";
  for (const command_description& c : commands)
    out += "  " + std::string{c.name} + std::string(14 - c.name.size(), ' ') + std::string{c.help} + '\n';
  return out;
}

std::string configuration_help(role whose) {
  return "\nConfiguration " + std::string{whose == role::edge ? "of an edge" : "of the service"}
         + ", from the environment (durations as 300ms, 5s, 1h30m; an empty value counts as not set):\n"
         + help_table(whose);
}

/// `check-config serve`, `check-config edge`: a command that has a configuration to be checked.
bool names_configuration(const command_line& line, command named) {
  return line.is_command_given && line.command == command::check_config
         && (named == command::serve || named == command::edge);
}

/// Whether `line` takes one more word after its command, which is then taken.
bool take_operand(command_line& line, std::string_view argument, bool& is_new_key) {
  if (!line.is_command_given || line.command != command::key || argument.substr(0, 1) == "-")
    return false;
  if (!is_new_key) {
    is_new_key = argument == "new";
    return is_new_key;
  }
  const bool is_first = line.caller_name.empty() && !argument.empty();
  if (is_first)
    line.caller_name = argument;
  return is_first;
}

} // namespace

std::optional<role> role_of(command c) noexcept {
  switch (c) {
  case command::edge:
    return role::edge;
  case command::serve:
  case command::migrate:
  case command::check_config:
    return role::service;
  case command::ctl:
  case command::key:
  case command::version:
    return std::nullopt;
  }
  return std::nullopt;
}

std::string_view to_string(command c) noexcept {
  return describe(c).name;
}

std::variant<command_line, std::string> parse_command_line(const std::vector<std::string_view>& arguments) {
  command_line line;
  bool is_new_key = false;
  bool is_configuration_named = false;
  for (const std::string_view argument : arguments) {
    if (take_operand(line, argument, is_new_key))
      continue;
    const auto named =
      std::find_if(commands.begin(), commands.end(), [&](const auto& d) { return d.name == argument; });
    if (argument == "--help" || argument == "-h") {
      line.wants_help = true;
    } else if (argument == "--markdown" && line.command == command::check_config) {
      line.wants_markdown = true;
    } else if (argument.substr(0, 1) == "-") {
      return complain("unknown option", argument);
    } else if (named == commands.end()) {
      return complain("unknown command", argument);
    } else if (names_configuration(line, named->command) && !is_configuration_named) {
      line.configured = named->command;
      is_configuration_named = true;
    } else if (line.is_command_given) {
      return complain("more than one command:", argument);
    } else {
      line.command = named->command;
      line.configured = line.command == command::edge ? command::edge : command::serve;
      line.is_command_given = true;
    }
  }
  if (line.is_command_given && line.command == command::key && line.caller_name.empty() && !line.wants_help)
    return "portcullis: key takes `new` and the name of a caller; see portcullis key --help";
  return line;
}

std::string help_text(const command_line& line) {
  if (!line.is_command_given)
    return general_help() + configuration_help(role::service) + configuration_help(role::edge);
  const command_description& d = describe(line.command);
  std::string out = "Usage: portcullis " + std::string{d.name};
  if (line.command == command::check_config)
    out += " [serve | edge] [--markdown]";
  if (line.command == command::key)
    out += " new NAME";
  out += "\n\n" + std::string{d.help} + '\n';
  if (line.command == command::check_config)
    out += "--markdown prints the table of the variables for the documentation instead.\n";
  if (line.command == command::key)
    out += "The key is for the caller and is shown this once; its hash is for the callers' file "
           "(BACKEND_CALLERS_FILE).\n";
  const auto whose = role_of(line.command == command::check_config ? line.configured : line.command);
  return whose ? out + configuration_help(*whose) : out;
}

} // namespace portcullis::config
