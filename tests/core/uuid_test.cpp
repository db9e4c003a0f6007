#include "caf/test/unit_test.hpp"

#include "core/token.hpp"
#include "core/uuid.hpp"

#include <algorithm>
#include <set>

using namespace portcullis;

namespace {

constexpr char canonical[] = "0123abcd-4567-789a-bcde-f00112233445";

void fill_zeros(std::uint8_t* out, std::size_t size) {
  std::fill_n(out, size, std::uint8_t{0});
}

void fill_ones(std::uint8_t* out, std::size_t size) {
  std::fill_n(out, size, std::uint8_t{0xff});
}

timestamp at_ms(std::int64_t ms) {
  return timestamp{std::chrono::milliseconds{ms}};
}

std::uint64_t milliseconds_of(const uuid& id) {
  std::uint64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i)
    ms = ms << 8 | id.bytes[i];
  return ms;
}

} // namespace

CAF_TEST(the canonical form is read and written) {
  const auto id = uuid::parse(canonical);
  CAF_REQUIRE(id.has_value());
  CAF_CHECK_EQUAL(to_string(*id), canonical);
  CAF_CHECK_EQUAL(int{id->bytes[0]}, 0x01);
  CAF_CHECK_EQUAL(int{id->bytes[15]}, 0x45);
}

CAF_TEST(upper case is read and written as lower case) {
  const auto id = uuid::parse("0123ABCD-4567-789A-BCDE-F00112233445");
  CAF_REQUIRE(id.has_value());
  CAF_CHECK_EQUAL(to_string(*id), canonical);
}

CAF_TEST(anything but the canonical form is refused) {
  const std::string text = canonical;
  CAF_CHECK(!uuid::parse(""));
  CAF_CHECK(!uuid::parse(text.substr(1)));
  CAF_CHECK(!uuid::parse(text + "0"));
  CAF_CHECK(!uuid::parse("{" + text + "}"));
  CAF_CHECK(!uuid::parse("0123abcd4567789abcdef00112233445"));
  CAF_CHECK(!uuid::parse("0123abcd-4567-789a-bcdef-00112233445"));
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char wrong : {'g', '/', ':', '@', '`', 'G', ' ', '\0', '\xff'}) {
      std::string bad = text;
      bad[i] = wrong;
      accepted += uuid::parse(bad).has_value() ? 1 : 0;
    }
  }
  CAF_CHECK_EQUAL(accepted, 0u);
}

CAF_TEST(only all zeros is nil) {
  uuid id;
  CAF_CHECK(id.is_nil());
  id.bytes[15] = 1;
  CAF_CHECK(!id.is_nil());
}

CAF_TEST(version 7 holds the milliseconds and the version and the variant) {
  for (const auto random : {fill_zeros, fill_ones}) {
    uuid_v7_generator generator{random};
    const uuid id = generator.next(at_ms(0x0123456789ab));
    CAF_CHECK_EQUAL(milliseconds_of(id), 0x0123456789abu);
    CAF_CHECK_EQUAL(id.bytes[6] >> 4, 7);
    CAF_CHECK_EQUAL(id.bytes[8] >> 6, 2);
  }
}

CAF_TEST(the tail is taken from the random source) {
  uuid_v7_generator zeros{fill_zeros};
  uuid_v7_generator ones{fill_ones};
  CAF_CHECK_EQUAL(to_string(zeros.next(at_ms(1))), "00000000-0001-7000-8000-000000000000");
  CAF_CHECK_EQUAL(to_string(ones.next(at_ms(1))), "00000000-0001-77ff-bfff-ffffffffffff");
}

CAF_TEST(ids of one millisecond and of a clock that steps back increase strictly) {
  uuid_v7_generator generator{fill_random};
  const std::int64_t clock_ms[] = {1'000, 1'000, 1'001, 999, 500, 1'001, 1'002, 0, -5, 1'002, 5'000};
  uuid last;
  std::size_t out_of_order = 0;
  for (int round = 0; round < 1'000; ++round) {
    for (const auto ms : clock_ms) {
      const uuid id = generator.next(at_ms(ms));
      out_of_order += last < id ? 0 : 1;
      last = id;
    }
  }
  CAF_CHECK_EQUAL(out_of_order, 0u);
  CAF_CHECK(milliseconds_of(last) >= 5'000);
}

CAF_TEST(a full counter moves on to the next millisecond) {
  uuid_v7_generator generator{fill_ones}; // the counter starts at 0x7ff: 0x801 ids fit
  for (int i = 0; i < 0x801; ++i)
    CAF_REQUIRE_EQUAL(milliseconds_of(generator.next(at_ms(70))), 70u);
  CAF_CHECK_EQUAL(milliseconds_of(generator.next(at_ms(70))), 71u);
  CAF_CHECK_EQUAL(milliseconds_of(generator.next(at_ms(70))), 71u); // the clock has not caught up
  CAF_CHECK_EQUAL(milliseconds_of(generator.next(at_ms(72))), 72u);
}

CAF_TEST(random ids do not repeat) {
  uuid_v7_generator a{fill_random};
  uuid_v7_generator b{fill_random};
  std::set<uuid> seen;
  for (int i = 0; i < 1'000; ++i) {
    seen.insert(a.next(at_ms(1)));
    seen.insert(b.next(at_ms(1)));
  }
  CAF_CHECK_EQUAL(seen.size(), 2'000u);
}
