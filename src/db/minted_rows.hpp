#pragma once

#include "core/operations.hpp"
#include "db/pipeline.hpp"
#include "db/row.hpp"

#include <vector>

/// Sessions that a transaction has just minted, read back for its callers.
namespace portcullis::db {

using namespace store; // the operations are what this layer is asked

/// ordinal, then what `read_minted` reads, of those drafts that are sessions now.
call select_minted_sessions(const std::vector<const session_draft*>& drafts);

minted read_minted(row& from);

} // namespace portcullis::db
