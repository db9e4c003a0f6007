#pragma once

#include "core/error.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::db {

/// A file of `migrations/`, embedded at build time.
struct migration {
  int number = 0; // NNNNN
  std::string_view name;
  std::string_view sql;
};

/// All of them, by number.
const std::vector<migration>& embedded_migrations();

struct migration_report {
  failure error;             // `none`: the schema is current
  bool is_permanent = false; // an edited or unknown migration, a right that is missing: trying again is of no use
  std::vector<std::string> applied; // names, in order
};

/// Brings the schema `backend` (made if missing) up to date under a polled advisory lock, each migration in its
/// own transaction and recorded with its checksum (SHA-256 of its text). A recorded migration whose text has
/// changed, or that this binary does not know, stops it. `progress` gets one line per step.
migration_report migrate(connection& conn, const std::vector<migration>& migrations, instant deadline,
                         const std::function<void(std::string_view)>& progress);

} // namespace portcullis::db
