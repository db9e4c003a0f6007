#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace portcullis::config {

enum class command : std::uint8_t { serve, edge, migrate, check_config, ctl, key, version };

std::string_view to_string(command c) noexcept;

struct command_line {
  config::command command = command::serve;
  bool is_command_given = false; // false: `serve`, by default
  /// The command whose configuration is meant: of `check-config`, the one named after it, or `serve`.
  config::command configured = command::serve;
  bool wants_help = false;     // print `help_text` and exit 0
  bool wants_markdown = false; // `check-config --markdown`: the documentation's table of variables
  std::string caller_name;     // `key new NAME`
};

/// Whose variables the command reads; nothing for one that needs no configuration.
std::optional<role> role_of(command c) noexcept;

/// The exit code of a command line that cannot be understood.
inline constexpr int usage_exit_code = 2;

/// Parses the arguments after the program's name; on failure one line for stderr.
std::variant<command_line, std::string> parse_command_line(const std::vector<std::string_view>& arguments);

/// What `--help` prints: for one command, or for all when none was given.
std::string help_text(const command_line& line);

} // namespace portcullis::config
