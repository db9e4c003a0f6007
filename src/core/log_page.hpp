#pragma once

#include "core/model.hpp"
#include "core/time.hpp"
#include "core/told_clock.hpp"

#include <optional>
#include <vector>

namespace portcullis {

/// A part of the revocation log, as a reader gets it.
struct log_page {
  std::vector<revocation_event> events; // in log order
  cursor last;        // the last event's position, or the position that was asked for when there are none
  bool reset = false; // the position that was asked for is not one of this epoch any more
  bool has_more = false;
  /// Everything committed before it, up to `last` if `has_more`, is in the page: the lease on memory runs from
  /// here.
  instant as_of{};
  std::optional<clock_reading> clock; // what the database's clock showed, if it was told
};

} // namespace portcullis
