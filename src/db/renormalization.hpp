#pragma once

#include "core/error.hpp"
#include "core/time.hpp"
#include "db/connection.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis::db {

/// The normal form of an e-mail address as the service stores it today; nothing when it would be refused today.
using normalizer = std::function<std::optional<std::string>(std::string_view external_id)>;

struct renormalization_report {
  failure error;                // `none`: it is through, or was before
  bool was_done_before = false; // nothing was looked at
  std::size_t looked_at = 0;
  std::size_t updated = 0;
  std::size_t collisions = 0; // the normal form is another account's, or this account's already: left as it was
  std::size_t refused = 0;    // has no normal form: left as it was
};

/// Brings the stored e-mail identities to the normal form, once per database, after the migrations. Only those
/// with a character outside of ASCII can differ, so only those are looked at: batches in the order of their ids,
/// each a transaction that takes an advisory lock first and keeps its progress, so it may be cut short and goes
/// on.
///
/// Two identities that turn out to be one are never merged: `report_collision` gets a line that names both by
/// their ids, and never an address. The later of them cannot log in by the old spelling until somebody decides.
renormalization_report renormalize_identities(connection& conn, const normalizer& normalize, instant deadline,
                                              const std::function<void(std::string_view)>& report_collision);

} // namespace portcullis::db
