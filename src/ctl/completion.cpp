#include "ctl/command_tree.hpp"

#include <functional>

namespace portcullis::ctl {

namespace {

/// The words that may follow a command: its commands and options, and what all commands have.
std::string words_of(const CLI::App& command, const CLI::App& root) {
  std::string out;
  auto add = [&](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
  for (const auto* below : commands_of(command))
    add(below->get_name());
  for (const auto* from : {&command, &root}) {
    for (const auto* option : from->get_options())
      for (const auto& name : option->get_lnames())
        add("--" + name);
    if (&command == &root)
      break;
  }
  return out;
}

void for_each_command(const CLI::App& from, const std::function<void(const CLI::App&)>& use) {
  use(from);
  for (const auto* below : commands_of(from))
    for_each_command(*below, use);
}

/// The path of a command below `ctl`, each word followed by a blank: `session get `.
std::string path_of(const CLI::App& command) {
  return command.get_parent() == nullptr ? std::string{}
                                         : path_of(*command.get_parent()) + command.get_name() + " ";
}

std::string bash_function(const CLI::App& root) {
  std::string out =
    "_portcullis_ctl() {\n"
    "  local word=${COMP_WORDS[COMP_CWORD]} path= i\n"
    "  [[ ${COMP_WORDS[1]} == ctl ]] || { COMPREPLY=($(compgen -W 'ctl' -- \"$word\")); return; }\n"
    "  for ((i = 2; i < COMP_CWORD; ++i)); do\n"
    "    case \"$path${COMP_WORDS[i]} \" in\n";
  std::string paths;
  for_each_command(root, [&](const CLI::App& command) {
    if (command.get_parent() != nullptr)
      paths += (paths.empty() ? "'" : "|'") + path_of(command) + "'";
  });
  out += "      " + paths + ") path+=\"${COMP_WORDS[i]} \" ;;\n    esac\n  done\n  case \"$path\" in\n";
  for_each_command(root, [&](const CLI::App& command) {
    out += "    '" + path_of(command) + "') COMPREPLY=($(compgen -W '" + words_of(command, root)
           + "' -- \"$word\")) ;;\n";
  });
  return out + "  esac\n}\n";
}

/// `text` in single quotes, for fish.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_script(const CLI::App& root) {
  // Which command the line is at: all words that are no options, joined.
  std::string out = "function __portcullis_ctl_at\n"
                    "  set -l words (commandline -opc | string match -v -- '-*')\n"
                    "  test \"$words[2..]\" = \"$argv\"\n"
                    "end\n"
                    "complete -c portcullis -f\n"
                    "complete -c portcullis -n '__fish_use_subcommand' -a ctl -d "
                    + quoted(root.get_description()) + "\n";
  for_each_command(root, [&](const CLI::App& command) {
    auto path = "ctl " + path_of(command);
    path.pop_back();
    const auto condition = " -n '__portcullis_ctl_at " + path + "' ";
    for (const auto* below : commands_of(command))
      out += "complete -c portcullis" + condition + "-a " + below->get_name() + " -d "
             + quoted(below->get_description()) + "\n";
    const auto begins = " -n 'string match -q -- \"*" + path + "*\" (commandline -pc)' ";
    for (const auto* option : command.get_options())
      for (const auto& name : option->get_lnames())
        out.append("complete -c portcullis")
          .append(begins)
          .append("-l ")
          .append(name)
          .append(" -d ")
          .append(quoted(option->get_description()))
          .append("\n");
  });
  return out;
}

/// zsh runs bash's completions. The script is sourced, or lies as `_portcullis` where zsh looks for completions:
/// then its first run is that of the first completion, which it has to give as well.
std::string zsh_script(const std::string& bash) {
  return "#compdef portcullis\nautoload -U +X bashcompinit && bashcompinit\n" + bash
         + "[[ ${funcstack[1]} != _portcullis ]] || _bash_complete -o default -F _portcullis_ctl\n";
}

} // namespace

std::string completion_script(const CLI::App& root, const std::string& shell) {
  if (shell == "fish")
    return fish_script(root);
  const auto function = bash_function(root) + "complete -o default -F _portcullis_ctl portcullis\n";
  return shell == "zsh" ? zsh_script(function) : function;
}

} // namespace portcullis::ctl
