#include "ctl/run.hpp"

#include "core/ascii.hpp"
#include "core/environment.hpp"
#include "ctl/command_tree.hpp"

#include <CLI/Error.hpp>

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iostream>

namespace portcullis::ctl {

namespace {

/// Never from the command line, which everybody on the machine can read. False: the file cannot be read.
bool read_caller_key(command_tree& tree) {
  auto& key = tree.given.service.caller_key;
  if (!tree.caller_key_file.empty()) {
    std::ifstream file{tree.caller_key_file};
    if (!std::getline(file, key)) {
      complain("the file of the caller's key cannot be read, or is empty: " + tree.caller_key_file);
      return false;
    }
  } else {
    key = environment_variable("PORTCULLIS_CALLER_KEY");
  }
  key = std::string{ascii::trim(key, ascii::white_space)};
  const bool is_well_formed = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_well_formed)
    complain("the caller's key has characters that no key has");
  return is_well_formed;
}

bool is_address(std::string_view text) {
  return text.substr(0, 7) == "http://" || text.substr(0, 8) == "https://";
}

} // namespace

int run(int argument_count, const char* const* arguments) {
  ::signal(SIGPIPE, SIG_IGN);
  auto tree = make_command_tree();
  try {
    tree->root->parse(argument_count, arguments);
  } catch (const CLI::Success& wanted) { // --help
    return tree->root->exit(wanted);
  } catch (const CLI::ParseError& wrong) {
    complain(std::string{wrong.what()} + "; see --help");
    return static_cast<int>(exit_code::usage);
  }
  auto& address = tree->given.service.address;
  if (!is_address(address)) {
    complain("--address takes http://… or https://…");
    return static_cast<int>(exit_code::usage);
  }
  while (!address.empty() && address.back() == '/')
    address.pop_back();
  if (!read_caller_key(*tree))
    return static_cast<int>(exit_code::usage);
  return static_cast<int>(tree->chosen(context{tree->given}));
}

} // namespace portcullis::ctl
