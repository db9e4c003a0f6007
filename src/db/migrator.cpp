#include "db/migrator.hpp"

#include "db/migrations.hpp"
#include "telemetry/log.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace portcullis {

namespace {

constexpr std::chrono::milliseconds pause_min{50};
constexpr std::chrono::milliseconds pause_max{1000};
constexpr std::chrono::minutes migration_timeout{10}; // for all of them, and for the lock's present holder

db::migration_report try_once(const db::connect_options& connect) {
  db::connection conn;
  if (auto err = conn.open(connect, boot_clock::now() + connect.operation_timeout); err.code != errc::none)
    return {err, false, {}};
  return db::migrate(conn, db::embedded_migrations(), boot_clock::now() + migration_timeout,
                     [](std::string_view line) {
                       log::info("migration", {{"step", line}});
                     });
}

} // namespace

void migrator(caf::event_based_actor* self, const db::connect_options& connect,
              const std::shared_ptr<std::atomic<bool>>& is_stopping, const supervisor_actor& report_to) {
  std::string last_trouble;
  for (auto pause = pause_min; !is_stopping->load(); pause = std::min(pause * 2, pause_max)) {
    auto report = try_once(connect);
    if (report.error.code == errc::none || report.is_permanent) {
      self->send(report_to, migrations_finished{report.error});
      return;
    }
    if (report.error.detail != last_trouble)
      log::warn("database is not ready", {{"reason", report.error.detail}});
    last_trouble = report.error.detail;
    std::this_thread::sleep_for(pause);
  }
}

} // namespace portcullis
