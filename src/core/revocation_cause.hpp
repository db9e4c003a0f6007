#pragma once

#include <string>

namespace portcullis::store {

/// Who asks for a revocation, and why; both go into the log.
struct revocation_cause {
  std::string reason; // short text, may be empty
  std::string actor;  // `user`, `internal`, `admin`, `reaper`
};

} // namespace portcullis::store
