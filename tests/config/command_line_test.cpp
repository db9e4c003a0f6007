#include "config/command_line.hpp"

#include "caf/test/unit_test.hpp"

#include <string>
#include <vector>

using namespace portcullis::config;

namespace {

using arguments = std::vector<std::string_view>;

command_line parsed(const arguments& given) {
  const auto line = parse_command_line(given);
  if (const auto* error = std::get_if<std::string>(&line))
    CAF_FAIL(*error);
  return std::get<command_line>(line);
}

std::string error_of(const arguments& given) {
  const auto line = parse_command_line(given);
  const auto* error = std::get_if<std::string>(&line);
  return error != nullptr ? *error : "";
}

} // namespace

CAF_TEST(serve is the default) {
  CAF_CHECK(parsed({}).command == command::serve);
  CAF_CHECK(!parsed({}).wants_help);
  CAF_CHECK(!parsed({}).is_command_given);
}

CAF_TEST(every command is known by its name) {
  for (const command c :
       {command::serve, command::edge, command::migrate, command::check_config, command::version}) {
    const command_line line = parsed({to_string(c)});
    CAF_CHECK(line.command == c);
    CAF_CHECK(line.is_command_given);
  }
  CAF_CHECK_EQUAL(to_string(command::check_config), "check-config");
}

CAF_TEST(every command has help) {
  CAF_CHECK(parsed({"--help"}).wants_help);
  CAF_CHECK(parsed({"-h"}).wants_help);
  CAF_CHECK(parsed({"migrate", "--help"}).wants_help);
  CAF_CHECK(parsed({"--help", "migrate"}).command == command::migrate);

  const std::string general = help_text(parsed({"--help"}));
  for (const command c : {command::serve, command::edge, command::migrate, command::check_config, command::ctl,
                          command::key, command::version}) {
    const std::string name{to_string(c)};
    CAF_CHECK_NOT_EQUAL(general.find("\n  " + name + ' '), std::string::npos);
    CAF_CHECK_EQUAL(help_text(parsed({name, "--help"})).rfind("Usage: portcullis " + name, 0), 0u);
  }
  CAF_CHECK_NOT_EQUAL(general.find("BACKEND_POSTGRES_DSN"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help_text(parsed({"serve", "--help"})).find("BACKEND_POSTGRES_DSN"), std::string::npos);
  CAF_CHECK_EQUAL(help_text(parsed({"version", "--help"})).find("BACKEND_"), std::string::npos);
}

CAF_TEST(a command tells of its own variables) {
  const std::string edge = help_text(parsed({"edge", "--help"}));
  CAF_CHECK_NOT_EQUAL(edge.find("GATEWAY_BACKEND_URL (required)"), std::string::npos);
  CAF_CHECK_EQUAL(edge.find("POSTGRES"), std::string::npos);
  CAF_CHECK_EQUAL(help_text(parsed({"serve", "--help"})).find("GATEWAY_"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help_text(parsed({"--help"})).find("GATEWAY_BACKEND_URL"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(help_text(parsed({"check-config", "edge", "--help"})).find("GATEWAY_"), std::string::npos);
}

CAF_TEST(a configuration is checked for one command) {
  CAF_CHECK(parsed({"check-config"}).configured == command::serve);
  CAF_CHECK(parsed({"check-config", "serve"}).configured == command::serve);
  CAF_CHECK(parsed({"check-config", "edge"}).configured == command::edge);
  CAF_CHECK(parsed({"check-config", "edge"}).command == command::check_config);
  CAF_CHECK(parsed({"edge"}).configured == command::edge);
  for (const arguments& given : {arguments{"check-config", "edge", "serve"}, arguments{"check-config", "version"},
                                 arguments{"edge", "check-config"}})
    CAF_CHECK_NOT_EQUAL(error_of(given).find("more than one command"), std::string::npos);
}

CAF_TEST(the table for the documentation comes from one command alone) {
  CAF_CHECK(parsed({"check-config", "--markdown"}).wants_markdown);
  CAF_CHECK_EQUAL(error_of({"serve", "--markdown"}),
                  "portcullis: unknown option \"--markdown\"; see portcullis --help");
}

CAF_TEST(what is not understood is told in one line) {
  CAF_CHECK_EQUAL(error_of({"frobnicate"}), "portcullis: unknown command \"frobnicate\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"serve", "--port=1"}),
                  "portcullis: unknown option \"--port=1\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"serve", "migrate"}),
                  "portcullis: more than one command: \"migrate\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"a\nb"}), "portcullis: unknown command \"a\\nb\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({""}), "portcullis: unknown command \"\"; see portcullis --help");
}

CAF_TEST(a key is made for a name) {
  const command_line line = parsed({"key", "new", "gateway"});
  CAF_CHECK(line.command == command::key);
  CAF_CHECK_EQUAL(line.caller_name, "gateway");
  CAF_CHECK_EQUAL(parsed({"key", "new", "serve"}).caller_name, "serve"); // a name, whatever it is
  CAF_CHECK_EQUAL(parsed({"key", "new", "new"}).caller_name, "new");
  CAF_CHECK(parsed({"key", "--help"}).wants_help);
  CAF_CHECK(parsed({"key", "new", "--help"}).wants_help);
  const std::string incomplete = "portcullis: key takes `new` and the name of a caller; see portcullis key --help";
  CAF_CHECK_EQUAL(error_of({"key"}), incomplete);
  CAF_CHECK_EQUAL(error_of({"key", "new"}), incomplete);
  CAF_CHECK_EQUAL(error_of({"key", "new", ""}), "portcullis: unknown command \"\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"key", "old", "gateway"}),
                  "portcullis: unknown command \"old\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"key", "new", "a", "b"}), "portcullis: unknown command \"b\"; see portcullis --help");
  CAF_CHECK_EQUAL(error_of({"serve", "new", "gateway"}),
                  "portcullis: unknown command \"new\"; see portcullis --help");
  const std::string help = help_text(parsed({"key", "--help"}));
  CAF_CHECK_EQUAL(help.find("BACKEND_POSTGRES_DSN"), std::string::npos);
}
