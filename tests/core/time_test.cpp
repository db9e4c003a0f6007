#include "caf/test/unit_test.hpp"

#include "core/time.hpp"

#include "core/fixtures.hpp"

#include <ctime>

using namespace portcullis;
using namespace std::chrono_literals;

namespace {

timestamp at_us(std::int64_t us) {
  return timestamp{std::chrono::microseconds{us}};
}

/// The nanoseconds of a duration's text, -1 if it is refused.
std::int64_t ns(std::string_view text) {
  const auto d = parse_go_duration(text);
  return d ? d->count() : -1;
}

/// Microseconds since the epoch, or nothing shown as the smallest number.
std::int64_t us(std::string_view text) {
  const auto t = parse_rfc3339(text);
  return t ? t->time_since_epoch().count() : std::numeric_limits<std::int64_t>::min();
}

constexpr auto refused_us = std::numeric_limits<std::int64_t>::min();

} // namespace

CAF_TEST(times are written with six digits) {
  CAF_CHECK_EQUAL(to_rfc3339(at_us(0)), "1970-01-01T00:00:00.000000Z");
  CAF_CHECK_EQUAL(to_rfc3339(at_us(-1)), "1969-12-31T23:59:59.999999Z");
  CAF_CHECK_EQUAL(to_rfc3339(at_us(1'767'323'045'678'901)), "2026-01-02T03:04:05.678901Z");
  CAF_CHECK_EQUAL(to_rfc3339(at_us(951'782'400'000'000)), "2000-02-29T00:00:00.000000Z");
}

CAF_TEST(times outside of years of four digits are shown as the nearest one) {
  CAF_CHECK_EQUAL(to_rfc3339(timestamp::min()), "0000-01-01T00:00:00.000000Z");
  CAF_CHECK_EQUAL(to_rfc3339(timestamp::max()), "9999-12-31T23:59:59.999999Z");
}

CAF_TEST(days of ten thousand years agree with the system library and are read back) {
  std::size_t wrong = 0;
  std::size_t days = 0;
  for (std::int64_t day = -719'528; day < 2'932'897; day += 11) {
    const std::time_t seconds = day * 86'400;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char expected[64];
    std::snprintf(expected, sizeof expected, "%04d-%02d-%02dT00:00:00.000000Z", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday);
    const auto t = timestamp{std::chrono::seconds{seconds}};
    const auto text = to_rfc3339(t);
    wrong += text != expected || parse_rfc3339(text) != t ? 1 : 0;
    ++days;
  }
  CAF_CHECK_EQUAL(wrong, 0u);
  CAF_CHECK_GREATER(days, 300'000u);
}

CAF_TEST(times are read in every form of RFC 3339) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"},
    {"1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000000Z"},
    {"1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z"},
    {"1970-01-01t00:00:01z", "1970-01-01T00:00:01.000000Z"},
    {"1970-01-01T00:00:01+00:00", "1970-01-01T00:00:01.000000Z"},
    {"1970-01-01T00:00:01-00:00", "1970-01-01T00:00:01.000000Z"},
    {"1970-01-01T00:00:01.1234567Z", "1970-01-01T00:00:01.123456Z"},
    {"1970-01-01T00:00:01.99999999999999999999999999999999999999+23:59", "1969-12-31T00:01:01.999999Z"},
    {"1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000000Z"}, // leap seconds, in UTC and elsewhere
    {"1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000000Z"},
    {"2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"},
    {"2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00.000000Z"},
  };
  for (const auto& [text, expected] : rows) {
    CAF_MESSAGE(text);
    const auto t = parse_rfc3339(text);
    CAF_CHECK_EQUAL(t ? to_rfc3339(*t) : "refused", expected);
  }
}

CAF_TEST(times are read with up to six digits) {
  CAF_CHECK_EQUAL(us("1970-01-01T00:00:01Z"), 1'000'000);
  CAF_CHECK_EQUAL(us("1970-01-01T00:00:01.5Z"), 1'500'000);
  CAF_CHECK_EQUAL(us("1970-01-01T00:00:01.000001Z"), 1'000'001);
  CAF_CHECK_EQUAL(us("2024-02-29T23:59:59Z"), 1'709'251'199'000'000);
}

CAF_TEST(other forms of a time are refused) {
  for (const char* text : {"",
                           "1970-01-01",
                           "1970-01-01T00:00:01",
                           "1970-01-01 00:00:01Z",
                           "1970-01-01T00:00:01.Z",
                           "1970-01-01T00:00:01+0000",
                           "1970-01-01T00:00:01+00",
                           "1970-01-01T00:00:01+24:00",
                           "1970-01-01T00:00:01+00:60",
                           "1970-01-01T00:00:01+00:00Z",
                           "1970-01-01T00:00:01-",
                           "1970-01-01T00:00:01,5Z",
                           "1970-01-01T00:00:61Z",
                           "1990-12-31T23:58:60Z",
                           "1990-12-30T23:59:60Z",
                           "1990-12-31T23:59:60+01:00",
                           "-001-01-01T00:00:00Z",
                           "1970-01-01T00:00:01Zx",
                           "970-01-01T00:00:01Z",
                           "1970-00-01T00:00:00Z",
                           "1970-13-01T00:00:00Z",
                           "1970-01-00T00:00:00Z",
                           "1970-01-32T00:00:00Z",
                           "1970-04-31T00:00:00Z",
                           "2023-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "1970-01-01T24:00:00Z",
                           "1970-01-01T00:60:00Z",
                           "1970-01-01T00:00:60Z",
                           "1970-01-01T-1:00:00Z",
                           "1970-01-01T+1:00:00Z"}) {
    CAF_MESSAGE(text);
    CAF_CHECK_EQUAL(us(text), refused_us);
  }
}

CAF_TEST(durations are read as Go reads them) {
  CAF_CHECK_EQUAL(ns("0"), 0);
  CAF_CHECK_EQUAL(ns("0s"), 0);
  CAF_CHECK_EQUAL(ns("1ns"), 1);
  CAF_CHECK_EQUAL(ns("2us"), 2'000);
  CAF_CHECK_EQUAL(ns("2\xc2\xb5s"), 2'000); // micro sign
  CAF_CHECK_EQUAL(ns("2\xce\xbcs"), 2'000); // Greek mu
  CAF_CHECK_EQUAL(ns("300ms"), 300'000'000);
  CAF_CHECK_EQUAL(ns("5s"), 5'000'000'000);
  CAF_CHECK_EQUAL(ns("+5s"), 5'000'000'000);
  CAF_CHECK_EQUAL(ns("30m"), 1'800'000'000'000);
  CAF_CHECK_EQUAL(ns("1.5h"), 5'400'000'000'000);
  CAF_CHECK_EQUAL(ns(".5s"), 500'000'000);
  CAF_CHECK_EQUAL(ns("1.s"), 1'000'000'000);
  CAF_CHECK_EQUAL(ns("2h45m"), 9'900'000'000'000);
  CAF_CHECK_EQUAL(ns("720h"), 2'592'000'000'000'000);
  CAF_CHECK_EQUAL(ns("1m1m"), 120'000'000'000);
  CAF_CHECK_EQUAL(ns("0.9999999999999999999999999s"), 999'999'999); // rounded down, whatever the length
  CAF_CHECK_EQUAL(ns("0.33333333333333333333h"), 1'199'999'999'999);
}

CAF_TEST(the largest duration is read and the next one refused) {
  CAF_CHECK_EQUAL(ns("9223372036854775807ns"), std::numeric_limits<std::int64_t>::max());
  CAF_CHECK_EQUAL(ns("9223372036.854775807s"), std::numeric_limits<std::int64_t>::max());
  CAF_CHECK_EQUAL(ns("9223372036854775808ns"), -1);
  CAF_CHECK_EQUAL(ns("9223372036.854775808s"), -1);
  CAF_CHECK_EQUAL(ns("9223372036854775807ns1ns"), -1);
  CAF_CHECK_EQUAL(ns("2562048h"), -1);
  CAF_CHECK_EQUAL(ns("99999999999999999999999h"), -1);
}

CAF_TEST(other forms of a duration are refused) {
  for (const char* text :
       {"",    "+",  "-",  "-1s", "-0s", "1",     "00",   "s",    ".",    ".s",  "1 s", " 1s",
        "1s ", "1d", "1S", "1mm", "1.5", "1..5s", "1,5s", "1e3s", "0x1s", "1s1", "1sm", "++1s"}) {
    CAF_MESSAGE(text);
    CAF_CHECK_EQUAL(ns(text), -1);
  }
}

CAF_TEST(durations are written without the parts that are zero) {
  CAF_CHECK_EQUAL(to_go_duration(0s), "0s");
  CAF_CHECK_EQUAL(to_go_duration(1ns), "1ns");
  CAF_CHECK_EQUAL(to_go_duration(1500ns), "1.5us");
  CAF_CHECK_EQUAL(to_go_duration(100ms), "100ms");
  CAF_CHECK_EQUAL(to_go_duration(1500ms), "1.5s");
  CAF_CHECK_EQUAL(to_go_duration(30min), "30m");
  CAF_CHECK_EQUAL(to_go_duration(90s), "1m30s");
  CAF_CHECK_EQUAL(to_go_duration(1h), "1h");
  CAF_CHECK_EQUAL(to_go_duration(1h + 1ns), "1h0.000000001s");
  CAF_CHECK_EQUAL(to_go_duration(720h), "720h");
}

CAF_TEST(a written duration is read back) {
  const auto seed = test::random_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  std::size_t wrong = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::chrono::nanoseconds d{static_cast<std::int64_t>(random() >> (1 + random() % 63))};
    wrong += parse_go_duration(to_go_duration(d)) != d ? 1 : 0;
  }
  CAF_CHECK_EQUAL(wrong, 0u);
  CAF_CHECK(parse_go_duration(to_go_duration(std::chrono::nanoseconds::max())) == std::chrono::nanoseconds::max());
}

CAF_TEST(the boot clock does not step back) {
  const auto first = boot_clock::now();
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  const instant between{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
  const auto last = boot_clock::now();
  CAF_CHECK(first <= between);
  CAF_CHECK(between <= last);
}
