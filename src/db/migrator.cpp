#include "db/migrator.hpp"

#include "core/backoff.hpp"
#include "telemetry/log.hpp"

#include <chrono>
#include <thread>

namespace portcullis {

namespace {

constexpr backoff_options pauses{std::chrono::milliseconds{50}, std::chrono::seconds{1}, 1, 1.0}; // no jitter

/// A server that refuses for good may yet be one that is being set up: it is asked again for so long.
constexpr std::chrono::seconds refusal_patience{3};

db::migration_report try_once(const db::connect_options& connect, const db::normalizer& normalize,
                              bool* is_refused_for_good) {
  db::connection conn;
  if (auto err = conn.open(connect, boot_clock::now() + connect.operation_timeout); err.code != errc::none) {
    *is_refused_for_good = conn.is_refused_for_good();
    return {err, false, {}};
  }
  return db::update_schema(conn, normalize);
}

} // namespace

void migrator(caf::event_based_actor* self, const db::connect_options& connect, const db::normalizer& normalize,
              const std::shared_ptr<std::atomic<bool>>& is_stopping, const supervisor_actor& report_to) {
  std::string last_reason;
  auto last_hope = boot_clock::now(); // when it was last not refused for good
  backoff pause{pauses};
  while (!is_stopping->load()) {
    bool is_refused_for_good = false;
    auto report = try_once(connect, normalize, &is_refused_for_good);
    if (!is_refused_for_good)
      last_hope = boot_clock::now();
    bool is_hopeless = report.is_permanent || boot_clock::now() - last_hope >= refusal_patience;
    if (report.error.code == errc::none || is_hopeless) {
      self->send(report_to, migrations_finished{report.error});
      return;
    }
    if (report.error.detail != last_reason)
      log::warn("database is not ready", {{"reason", report.error.detail}});
    last_reason = report.error.detail;
    std::this_thread::sleep_for(pause.next());
  }
}

} // namespace portcullis
