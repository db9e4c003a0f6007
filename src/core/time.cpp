#include "core/time.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <limits>

namespace portcullis {

namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

char* write_digits(char* out, std::int64_t value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + width;
}

/// The 100 numbers of two digits one after the other.
constexpr auto two_digits = [] {
  std::array<char, 200> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<char>('0' + (i % 2 == 0 ? i / 20 : i / 2 % 10));
  return out;
}();

/// `value`, 0 to 99, and a separator behind it.
char* write_two(char* out, std::int64_t value, char separator) noexcept {
  std::memcpy(out, two_digits.data() + 2 * value, 2);
  out[2] = separator;
  return out + 3;
}

struct civil_date {
  std::int64_t year;
  std::int64_t month; // 1 to 12
  std::int64_t day;   // 1 to 31
};

/// The date in the Gregorian calendar, of years from 0 on; `days` since 1970-01-01. Each answer of the hot path
/// has such a date, and gmtime_r looks for a time zone first, under a lock.
///
/// Years begin in March here, so that a leap day is the last of its year; eras are the 400 years after which the
/// calendar repeats.
civil_date date_of(std::int64_t days) noexcept {
  constexpr std::int64_t era_years = 400;
  constexpr std::int64_t era_days = 146'097;
  constexpr std::int64_t days_to_1970 = 719'468 + era_days; // from -0400-03-01, so that no date is before it
  const std::int64_t since = days + days_to_1970;
  const std::int64_t era = since / era_days;
  const std::int64_t day_of_era = since % era_days;
  const std::int64_t year_of_era =
    (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153; // from March; five months have 153 days
  const std::int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  const bool is_next_year = month >= 10;
  return {(era - 1) * era_years + year_of_era + (is_next_year ? 1 : 0), is_next_year ? month - 9 : month + 3, day};
}

/// Takes exactly `width` digits off the front of `text`, or returns -1.
int take_digits(std::string_view& text, std::size_t width) noexcept {
  if (text.size() < width
      || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(width), ascii::is_digit))
    return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value = value * 10 + (text[i] - '0');
  text.remove_prefix(width);
  return value;
}

bool take_literal(std::string_view& text, char c) noexcept {
  if (text.empty() || text.front() != c)
    return false;
  text.remove_prefix(1);
  return true;
}

bool take_letter(std::string_view& text, char lower) noexcept {
  if (text.empty() || ascii::to_lower(text.front()) != lower)
    return false;
  text.remove_prefix(1);
  return true;
}

std::string_view take_digit_run(std::string_view& text) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), ascii::is_digit);
  const auto run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(run.size());
  return run;
}

/// The optional `.` with one digit or more, of which those beyond microseconds are cut off; -1 if there is a point
/// and no digit.
std::int64_t take_microseconds(std::string_view& text) noexcept {
  if (!take_literal(text, '.'))
    return 0;
  const auto digits = take_digit_run(text);
  if (digits.empty())
    return -1;
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i)
    value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return value;
}

/// `Z` or an offset from UTC in seconds (RFC 3339, section 5.6; `-00:00` is UTC, section 4.3). Nothing if it is
/// neither.
std::optional<std::int64_t> take_offset(std::string_view& text) noexcept {
  if (take_letter(text, 'z'))
    return 0;
  const bool is_west = take_literal(text, '-');
  if (!is_west && !take_literal(text, '+'))
    return {};
  const int hours = take_digits(text, 2);
  const bool colon = take_literal(text, ':');
  const int minutes = take_digits(text, 2);
  if (!colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
    return {};
  const std::int64_t seconds = (hours * 60 + minutes) * 60;
  return is_west ? -seconds : seconds;
}

/// Seconds since the epoch at midnight; nothing when there is no such day. timegm carries what is beyond a month
/// into the next one.
std::optional<std::int64_t> midnight_of(int year, int month, int day) noexcept {
  std::tm date{};
  date.tm_year = year - 1900;
  date.tm_mon = month - 1;
  date.tm_mday = day;
  const std::int64_t seconds = ::timegm(&date);
  if (year < 0 || month < 1 || day < 1 || date.tm_mon != month - 1 || date.tm_mday != day)
    return {};
  return seconds;
}

/// A leap second is announced for the end of a month in UTC (RFC 3339, section 5.7, and appendix D).
bool may_be_leap_second(std::int64_t last_regular_second) noexcept {
  const std::time_t following = last_regular_second + 1;
  std::tm next{};
  ::gmtime_r(&following, &next);
  return next.tm_mday == 1 && next.tm_hour == 0 && next.tm_min == 0 && next.tm_sec == 0;
}

struct duration_unit {
  std::string_view name;
  std::int64_t ns;
};

constexpr std::int64_t ns_per_us = 1'000;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t ns_per_m = 60 * ns_per_s;
constexpr std::int64_t ns_per_h = 60 * ns_per_m;

// Two-letter names before the one-letter names that they begin with. The micro sign comes in two code points.
constexpr std::array<duration_unit, 8> duration_units{{{"ns", 1},
                                                       {"us", ns_per_us},
                                                       {"\xc2\xb5s", ns_per_us},
                                                       {"\xce\xbcs", ns_per_us},
                                                       {"ms", ns_per_ms},
                                                       {"s", ns_per_s},
                                                       {"m", ns_per_m},
                                                       {"h", ns_per_h}}};

const duration_unit* take_unit(std::string_view& text) noexcept {
  for (const auto& unit : duration_units) {
    if (text.substr(0, unit.name.size()) == unit.name) {
      text.remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

/// `whole.fraction` units in nanoseconds, rounded down; nothing on overflow.
std::optional<std::int64_t> scale(std::string_view whole, std::string_view fraction,
                                  std::int64_t unit_ns) noexcept {
  constexpr auto max = std::numeric_limits<std::int64_t>::max();
  std::int64_t value = 0;
  for (const char c : whole) {
    const int digit = c - '0';
    if (value > (max - digit) / 10)
      return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > max / unit_ns)
    return std::nullopt;
  value *= unit_ns;
  // From the last digit to the first: rounding down at each step is exact, and any number of digits fits.
  std::int64_t part = 0;
  for (auto c = fraction.rbegin(); c != fraction.rend(); ++c)
    part = (part + (*c - '0') * unit_ns) / 10;
  if (value > max - part)
    return std::nullopt;
  return value + part;
}

/// `ns` in units of `unit_ns`, with as many decimals as it takes.
std::string decimal(std::int64_t ns, std::int64_t unit_ns) {
  std::string text = std::to_string(ns / unit_ns);
  std::int64_t rest = ns % unit_ns;
  if (rest == 0)
    return text;
  text += '.';
  for (std::int64_t place = unit_ns / 10; rest != 0; place /= 10) {
    text += static_cast<char>('0' + rest / place);
    rest %= place;
  }
  return text;
}

} // namespace

timestamp wall_clock_now() noexcept {
  return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
}

boot_clock::time_point boot_clock::now() noexcept {
  timespec ts{};
  ::clock_gettime(CLOCK_BOOTTIME, &ts); // fails only for a clock that the kernel lacks: there since Linux 2.6.39
  return time_point{std::chrono::seconds{ts.tv_sec} + nanoseconds{ts.tv_nsec}};
}

void write_rfc3339(timestamp t, char* out) noexcept {
  constexpr std::int64_t first = -62'167'219'200'000'000; // 0000-01-01T00:00:00.000000Z
  constexpr std::int64_t last = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z
  const timestamp shown{microseconds{std::clamp<std::int64_t>(t.time_since_epoch().count(), first, last)}};
  constexpr std::int64_t us_per_s = 1'000'000;
  constexpr std::int64_t s_per_day = 86'400;
  const auto second = std::chrono::floor<std::chrono::seconds>(shown);
  const std::int64_t since_first = second.time_since_epoch().count() - first / us_per_s; // not negative
  const std::int64_t of_day = since_first % s_per_day;
  const auto date = date_of(since_first / s_per_day + first / us_per_s / s_per_day);
  std::memcpy(out, two_digits.data() + 2 * (date.year / 100), 2);
  out = write_two(out + 2, date.year % 100, '-');
  out = write_two(out, date.month, '-');
  out = write_two(out, date.day, 'T');
  out = write_two(out, of_day / 3'600, ':');
  out = write_two(out, of_day / 60 % 60, ':');
  out = write_two(out, of_day % 60, '.');
  out = write_digits(out, (shown - second).count(), 6);
  *out = 'Z';
}

std::string to_rfc3339(timestamp t) {
  std::string text(rfc3339_length, '\0');
  write_rfc3339(t, text.data());
  return text;
}

std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept {
  const int year = take_digits(text, 4);
  const bool dash1 = take_literal(text, '-');
  const int month = take_digits(text, 2);
  const bool dash2 = take_literal(text, '-');
  const int day = take_digits(text, 2);
  const bool t = take_letter(text, 't');
  const int hour = take_digits(text, 2);
  const bool colon1 = take_literal(text, ':');
  const int minute = take_digits(text, 2);
  const bool colon2 = take_literal(text, ':');
  const int second = take_digits(text, 2);
  const std::int64_t fraction_us = take_microseconds(text);
  const auto offset = take_offset(text);
  const auto midnight = midnight_of(year, month, day);
  if (!dash1 || !dash2 || !t || !colon1 || !colon2 || !offset || !midnight || !text.empty())
    return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || fraction_us < 0)
    return std::nullopt;
  const std::int64_t seconds = *midnight + (hour * 60 + minute) * 60 + second - *offset;
  if (second == 60 && !may_be_leap_second(seconds - 1))
    return std::nullopt;
  return timestamp{microseconds{seconds * 1'000'000 + fraction_us}};
}

std::optional<nanoseconds> parse_go_duration(std::string_view text) {
  take_literal(text, '+');
  if (text == "0")
    return nanoseconds{0};
  if (text.empty())
    return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto whole = take_digit_run(text);
    const auto fraction = take_literal(text, '.') ? take_digit_run(text) : std::string_view{};
    const auto* unit = take_unit(text);
    if ((whole.empty() && fraction.empty()) || unit == nullptr)
      return std::nullopt;
    const auto part = scale(whole, fraction, unit->ns);
    if (!part || total > std::numeric_limits<std::int64_t>::max() - *part)
      return std::nullopt;
    total += *part;
  }
  return nanoseconds{total};
}

std::string to_go_duration(nanoseconds d) {
  const std::int64_t ns = d.count();
  if (ns == 0)
    return "0s";
  if (ns < ns_per_us)
    return decimal(ns, 1) + "ns";
  if (ns < ns_per_ms)
    return decimal(ns, ns_per_us) + "us";
  if (ns < ns_per_s)
    return decimal(ns, ns_per_ms) + "ms";
  std::string text;
  if (ns >= ns_per_h)
    text += std::to_string(ns / ns_per_h) + "h";
  if (ns % ns_per_h >= ns_per_m)
    text += std::to_string(ns % ns_per_h / ns_per_m) + "m";
  if (ns % ns_per_m != 0)
    text += decimal(ns % ns_per_m, ns_per_s) + "s";
  return text;
}

} // namespace portcullis
