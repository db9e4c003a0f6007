#pragma once

#include <string>

namespace portcullis::store {

/// Who asks for a revocation, and why; both go into the log.
struct revocation_cause {
  std::string reason; // short text, may be empty
  std::string actor;  // the interface that was asked, as `audit_origin::actor` has it, or `reaper`
};

} // namespace portcullis::store
