#pragma once

#include "core/time.hpp"

#include <optional>

namespace portcullis {

/// What another machine's clock showed, and when that was heard here.
struct clock_reading {
  timestamp said{};
  instant heard{};
};

/// The clock of another machine, told from what it said. What was dated there is aged by it and never by the wall
/// clock of this machine, which may show anything.
///
/// What is heard is old by the time of its way, so each reading says "at least": of those of the last minute the
/// one that came fastest counts. Between two readings time goes on by this machine's monotonic clock.
class told_clock {
public:
  void tell(const clock_reading& reading) noexcept;

  /// What the other clock shows; nothing before it was told.
  std::optional<timestamp> at(instant now) const noexcept;

  void forget() noexcept {
    best_.reset();
  }

private:
  std::optional<clock_reading> best_;
};

} // namespace portcullis
