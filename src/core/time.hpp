#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// Wall-clock time, UTC, at PostgreSQL's resolution.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

timestamp wall_clock_now() noexcept;

/// A monotonic clock that also counts while the process or the machine is stopped (CLOCK_BOOTTIME), so
/// that a staleness bound holds across SIGSTOP and suspend.
struct boot_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<boot_clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};

using instant = boot_clock::time_point;

/// `2026-01-02T03:04:05.678901Z` (RFC 3339, always six fractional digits): 27 characters, no terminator. A time
/// outside of the years 0000 to 9999 is shown as the first or last instant of them.
inline constexpr std::size_t rfc3339_length = 27;
void write_rfc3339(timestamp t, char* out) noexcept;
std::string to_rfc3339(timestamp t);

/// Reads any `date-time` of RFC 3339, section 5.6: with an offset, in either case, with a fraction of any length,
/// of which what is below a microsecond is cut off. A leap second, which Unix time has no number for, is read as
/// the second that follows, and only where one can be: at the end of a month in UTC.
std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept;

/// A duration in Go's syntax: `300ms`, `1.5h`, `2h45m`. Units: ns, us, µs, ms, s, m, h. Negative values,
/// a missing unit (but for Go's plain `0`) and overflow are refused. What is below a nanosecond is cut off.
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

/// The form that `parse_go_duration` takes back, without the parts that are zero: `30m`, not `30m0s`; `1.5s`;
/// `0s`. Requires `d` >= 0.
std::string to_go_duration(std::chrono::nanoseconds d);

} // namespace portcullis
