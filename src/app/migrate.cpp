#include "app/migrate.hpp"

#include "app/normal_email.hpp"
#include "db/connection.hpp"
#include "db/schema.hpp"
#include "telemetry/log.hpp"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace portcullis {

namespace {

/// Ends the process when it is told to. By a thread that waits for the signals, so that it works for a process
/// without default actions (number 1 of a container) and amid a call that blocks, such as the resolver's.
void end_on_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    log::error("migration was stopped", {{"signal", signal}});
    log::stop();
    std::_Exit(EXIT_FAILURE);
  }).detach();
}

db::connect_options connect_options_of(const config::settings& settings) {
  db::connect_options out;
  out.conninfo = settings.postgres.conninfo;
  out.operation_timeout =
    std::chrono::duration_cast<std::chrono::milliseconds>(settings.postgres.pool.operation_timeout);
  out.application_name = settings.telemetry.service_name;
  return out;
}

failure run(const db::connect_options& connect) {
  db::connection conn;
  if (auto err = conn.open(connect, boot_clock::now() + connect.operation_timeout); err.code != errc::none)
    return err;
  auto report = db::update_schema(conn, normal_email);
  if (report.error.code == errc::none)
    log::info("the schema is current", {{"applied", report.applied.size()}});
  return report.error;
}

} // namespace

int migrate(const config::settings& settings) {
  end_on_signals();
  ::signal(SIGPIPE, SIG_IGN);
  auto err = run(connect_options_of(settings));
  if (err.code != errc::none)
    log::error("migration failed", {{"reason", err.detail}});
  return err.code == errc::none ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace portcullis
