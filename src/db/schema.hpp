#pragma once

#include "db/migrations.hpp"
#include "db/renormalization.hpp"

namespace portcullis::db {

/// Brings the database to what this build expects: the embedded migrations, and then what is done once to stored
/// values by rules that SQL does not have (`normalize`). Each step is a line in the log; two identities that turn
/// out to be one are warnings, and stay two.
migration_report update_schema(connection& conn, const normalizer& normalize);

} // namespace portcullis::db
