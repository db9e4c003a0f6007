#pragma once

#include "config/settings.hpp"

#include <string>

namespace portcullis {

/// Runs the service until SIGTERM or SIGINT, or until it cannot go on; returns the process's exit status. Call it
/// once, before any other thread exists: every thread inherits the blocked signals.
int serve(const config::settings& settings, const std::string& version);

/// The same for an edge.
int run_edge(const config::settings& settings, const std::string& version);

} // namespace portcullis
