#include "ctl/command_tree.hpp"

#include <string_view>

namespace portcullis::ctl {

namespace {

/// For roff: no request at the start of a line, no escape, and hyphens that can be searched for.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

std::string names_of(const CLI::Option& option) {
  std::string out;
  for (const auto& name : option.get_snames())
    out += (out.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames())
    out += (out.empty() ? "--" : ", --") + name;
  if (out.empty())
    return option.get_name();
  if (option.get_items_expected_max() > 0)
    out += " " + option.get_type_name();
  return out;
}

void add_options(const CLI::App& of, std::string& to) {
  for (const auto* option : of.get_options()) {
    to += ".TP\n.B " + escaped(names_of(*option)) + "\n" + escaped(option->get_description());
    if (!option->get_envname().empty())
      to += "; also as " + escaped(option->get_envname());
    if (!option->get_default_str().empty())
      to += " (" + escaped(option->get_default_str()) + ")";
    to += ".\n";
  }
}

void add_command(const CLI::App& command, std::string& to) {
  const auto below = commands_of(command);
  if (below.empty()) {
    to += ".SS " + escaped(full_name(command)) + "\n" + escaped(command.get_description()) + ".\n";
    add_options(command, to);
  }
  for (const auto* one : below)
    add_command(*one, to);
}

} // namespace

std::string manual_page(const CLI::App& root) {
  std::string out =
    ".TH PORTCULLIS\\-CTL 1\n"
    ".SH NAME\n"
    "portcullis\\-ctl \\- operate a Portcullis service from a shell\n"
    ".SH SYNOPSIS\n"
    ".B portcullis ctl\n"
    "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n"
    ".SH DESCRIPTION\n"
    + escaped(root.get_description())
    + "\nIt speaks to the service as a caller with a key or a certificate, which never stand on the"
      " command line.\n"
      ".SH OPTIONS\n";
  add_options(root, out);
  out += ".SH COMMANDS\n";
  for (const auto* one : commands_of(root))
    add_command(*one, out);
  out += ".SH EXIT STATUS\n" + escaped(root.get_footer()) + "\n";
  return out;
}

} // namespace portcullis::ctl
