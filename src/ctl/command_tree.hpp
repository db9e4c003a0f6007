#pragma once

#include "ctl/context.hpp"

#include <CLI/App.hpp>

#include <functional>
#include <memory>
#include <string>

namespace portcullis::ctl {

/// The command line as a tree: what `--help`, the completions and the manual are made from, and what is parsed.
struct command_tree {
  std::unique_ptr<CLI::App> root;
  settings given;
  std::string caller_key_file;
  /// What the command that was named does; empty until one was parsed. Those that need no service ignore it.
  std::function<exit_code(const context&)> chosen;
};

/// Everything a tree refers to lives as long as it does.
std::shared_ptr<command_tree> make_command_tree();

/// completion.cpp: a script for `bash`, `zsh` or `fish`.
std::string completion_script(const CLI::App& root, const std::string& shell);

/// manual.cpp: the page for man(1), section 1.
std::string manual_page(const CLI::App& root);

/// The name of a command with those above it: `portcullis ctl session get`.
std::string full_name(const CLI::App& command);

/// Commands below this one, in the order of their making.
std::vector<const CLI::App*> commands_of(const CLI::App& command);

/// `--name,-n` of an option, or the positional's name.
bool is_positional(const CLI::Option& option);

} // namespace portcullis::ctl
