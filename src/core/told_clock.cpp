#include "core/told_clock.hpp"

namespace portcullis {

namespace {

/// Past it a reading gives way to a newer one that came slower: the two clocks drift, and either may be set.
constexpr std::chrono::minutes reading_age_max{1};

timestamp shown_at(const clock_reading& reading, instant now) noexcept {
  return reading.said + std::chrono::duration_cast<std::chrono::microseconds>(now - reading.heard);
}

} // namespace

void told_clock::tell(const clock_reading& reading) noexcept {
  bool is_replaced =
    !best_ || reading.heard - best_->heard >= reading_age_max || reading.said >= shown_at(*best_, reading.heard);
  if (is_replaced)
    best_ = reading;
}

std::optional<timestamp> told_clock::at(instant now) const noexcept {
  return best_ ? std::optional{shown_at(*best_, now)} : std::nullopt;
}

} // namespace portcullis
