#pragma once

#include "config/settings.hpp"

namespace portcullis {

/// Applies the migrations and returns the exit status. SIGTERM and SIGINT end it at once, whatever it waits for;
/// the server then rolls back what was not committed. Call it before any other thread exists.
int migrate(const config::settings& settings);

} // namespace portcullis
