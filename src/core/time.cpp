#include "core/time.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>

namespace portcullis {

namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

struct civil_date {
  std::int64_t year;
  int month; // 1 to 12
  int day;   // 1 to 31
};

bool is_leap(std::int64_t year) noexcept {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(std::int64_t year, int month) noexcept {
  constexpr std::array<int, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return lengths[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Both conversions count years from March, so that the leap day is a year's last and month lengths follow
// one linear rule: (153 * m + 2) / 5 days precede month m of such a year. Years from 0 on only.
constexpr std::int64_t epoch_offset_days = 719'468; // 0000-03-01 to 1970-01-01
constexpr std::int64_t days_per_era = 146'097;      // 400 years

std::int64_t days_since_epoch(const civil_date& date) noexcept {
  const std::int64_t months =
    date.year * 12 + date.month - 3; // since March of year 0; negative for Jan and Feb of it
  const std::int64_t year = months < 0 ? -1 : months / 12;
  const std::int64_t month = months - year * 12;
  const std::int64_t leap_days = year < 0 ? -1 : year / 4 - year / 100 + year / 400;
  return year * 365 + leap_days + (153 * month + 2) / 5 + date.day - 1 - epoch_offset_days;
}

civil_date date_of(std::int64_t days) noexcept {
  const std::int64_t shifted =
    days + epoch_offset_days + days_per_era; // one era up keeps January of year 0 positive
  const std::int64_t era = shifted / days_per_era;
  const std::int64_t day_of_era = shifted % days_per_era;
  const std::int64_t year_of_era =
    (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153; // 0 is March
  const std::int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  const bool is_next_year = month >= 10;
  return {(era - 1) * 400 + year_of_era + (is_next_year ? 1 : 0),
          static_cast<int>(is_next_year ? month - 9 : month + 3), static_cast<int>(day)};
}

char* write_digits(char* out, std::int64_t value, int width) noexcept {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + width;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Takes exactly `width` digits off the front of `text`, or returns -1.
int take_digits(std::string_view& text, std::size_t width) noexcept {
  if (text.size() < width
      || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(width), is_digit))
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

/// The optional `.` with one to six digits; -1 if there is a point and not that.
std::int64_t take_microseconds(std::string_view& text) noexcept {
  if (!take_literal(text, '.'))
    return 0;
  std::int64_t value = 0;
  int digits = 0;
  for (; digits < 6 && !text.empty() && is_digit(text.front()); ++digits) {
    value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0)
    return -1;
  for (; digits < 6; ++digits)
    value *= 10;
  return value;
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

std::string_view take_digit_run(std::string_view& text) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(run.size());
  return run;
}

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
  const auto midnight = std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<86'400>>>(shown);
  const auto date = date_of(midnight.time_since_epoch().count());
  const std::int64_t in_day = (shown - midnight).count();
  out = write_digits(out, date.year, 4);
  *out++ = '-';
  out = write_digits(out, date.month, 2);
  *out++ = '-';
  out = write_digits(out, date.day, 2);
  *out++ = 'T';
  out = write_digits(out, in_day / 3'600'000'000, 2);
  *out++ = ':';
  out = write_digits(out, in_day / 60'000'000 % 60, 2);
  *out++ = ':';
  out = write_digits(out, in_day / 1'000'000 % 60, 2);
  *out++ = '.';
  out = write_digits(out, in_day % 1'000'000, 6);
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
  const bool t = take_literal(text, 'T');
  const int hour = take_digits(text, 2);
  const bool colon1 = take_literal(text, ':');
  const int minute = take_digits(text, 2);
  const bool colon2 = take_literal(text, ':');
  const int second = take_digits(text, 2);
  const std::int64_t fraction_us = take_microseconds(text);
  if (!dash1 || !dash2 || !t || !colon1 || !colon2 || text != "Z")
    return std::nullopt;
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
    return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || fraction_us < 0)
    return std::nullopt;
  const std::int64_t days = days_since_epoch({year, month, day});
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
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
