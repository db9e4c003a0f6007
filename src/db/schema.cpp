#include "db/schema.hpp"

#include "telemetry/log.hpp"

#include <chrono>
#include <string_view>

namespace portcullis::db {

namespace {

constexpr std::chrono::minutes migration_timeout{10}; // for all of it, and for the lock's present holder

} // namespace

migration_report update_schema(connection& conn, const normalizer& normalize) {
  auto deadline = boot_clock::now() + migration_timeout;
  auto report = migrate(conn, embedded_migrations(), deadline, [](std::string_view line) {
    log::info("migration", {{"step", line}});
  });
  if (report.error.code != errc::none)
    return report;
  auto done = renormalize_identities(conn, normalize, deadline, [](std::string_view line) {
    log::warn("identities that are one by now", {{"collision", line}});
  });
  report.error = done.error;
  if (!done.was_done_before && done.looked_at > 0)
    log::info("stored identities were normalized", {{"looked_at", done.looked_at},
                                                    {"updated", done.updated},
                                                    {"collisions", done.collisions},
                                                    {"refused", done.refused}});
  return report;
}

} // namespace portcullis::db
