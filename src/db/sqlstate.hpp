#pragma once

#include "core/error.hpp"

#include <string_view>

namespace portcullis::db {

/// What to do with a transaction that the server refused.
enum class remedy {
  isolate,   ///< its data or a defect: run its operations one by one, and tell the one that fails again
  retry,     ///< it collided with another transaction: run it again
  wait,      ///< somebody holds a lock that it needs: tell who of it is blocked, and run those again later
  give_up,   ///< it took too long, or the server lacks a resource
  reconnect, ///< this connection is of no more use; another one may be
};

struct sqlstate_meaning {
  remedy what = remedy::isolate;
  errc code = errc::internal;
};

/// The one table from SQLSTATE (PostgreSQL documentation, appendix A) to what it means for the caller.
sqlstate_meaning meaning_of(std::string_view sqlstate) noexcept;

} // namespace portcullis::db
