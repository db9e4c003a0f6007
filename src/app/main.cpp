#include "app/core_dumps.hpp"
#include "app/key.hpp"
#include "app/migrate.hpp"
#include "app/serve.hpp"
#include "config/command_line.hpp"
#include "config/settings.hpp"
#include "ctl/run.hpp"
#include "net/secret_memory.hpp"
#include "telemetry/log.hpp"

#include <openssl/crypto.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace portcullis;

/// OpenSSL cleans up at exit, what it keeps for each thread included. CAF does not join the threads of detached
/// actors: one may be giving back the same at that time, and the process would die of it. The kernel takes it all
/// back anyway. Counts only before anything else of OpenSSL is used.
void leave_openssl_as_it_is_at_exit() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
}

/// A descriptor that was closed at the start would go to the first socket that is opened, and what is meant for
/// standard error be written to the database.
bool occupy_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) != descriptor)
      return false;
  return true;
}

int run(const config::command_line& line) {
  auto environment = config::process_environment();
  auto loaded = config::load(config::role_of(line.configured).value(), environment);
  if (auto* problems = std::get_if<std::vector<config::problem>>(&loaded)) {
    for (auto& problem : *problems)
      std::cerr << problem.to_string() << '\n';
    return EXIT_FAILURE;
  }
  auto& settings = std::get<config::settings>(loaded);
  for (auto& name : config::unknown_variables(environment))
    log::warn("unknown variable", {{"name", name}});
  switch (line.command) {
  case config::command::check_config:
    std::cout << config::describe(settings, environment);
    return EXIT_SUCCESS;
  case config::command::migrate:
    return migrate(settings);
  case config::command::serve:
    return serve(settings, PORTCULLIS_VERSION);
  case config::command::edge:
    return run_edge(settings, PORTCULLIS_VERSION);
  case config::command::ctl:
  case config::command::key:
  case config::command::version:
    break; // need no configuration: answered before
  }
  return EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
  if (!occupy_standard_descriptors())
    return EXIT_FAILURE;
  leave_no_core_dumps();
  net::wipe_what_openssl_frees();
  leave_openssl_as_it_is_at_exit();
  if (argc > 1 && std::string_view{argv[1]} == "ctl")
    return ctl::run(argc - 1, argv + 1);
  auto parsed = config::parse_command_line({argv + 1, argv + argc});
  if (auto* complaint = std::get_if<std::string>(&parsed)) {
    std::cerr << *complaint << '\n';
    return config::usage_exit_code;
  }
  auto& line = std::get<config::command_line>(parsed);
  if (line.wants_help) {
    std::cout << config::help_text(line);
    return EXIT_SUCCESS;
  }
  if (line.wants_markdown) {
    std::cout << config::markdown_table(config::role_of(line.configured).value());
    return EXIT_SUCCESS;
  }
  if (line.command == config::command::version) {
    std::cout << "portcullis " PORTCULLIS_VERSION "\n";
    return EXIT_SUCCESS;
  }
  if (line.command == config::command::key)
    return make_key(line.caller_name);
  return run(line);
}
