#define CAF_SUITE complaint_limits
#include "telemetry/complaint_limits.hpp"

#include "caf/test/unit_test.hpp"

#include <string>

using namespace std::chrono_literals;
using portcullis::tracing::complaint_limits;

namespace {

const complaint_limits::clock::time_point noon{12h};

} // namespace

CAF_TEST(a kind is told at once and then once in its interval) {
  complaint_limits limits;
  CAF_CHECK(limits.may_tell("4 spans dropped after 1000 ms", noon));
  CAF_CHECK(!limits.may_tell("4 spans dropped after 1000 ms", noon + 2s));
  CAF_CHECK(!limits.may_tell("52 spans dropped after 20 ms", noon + 9999ms));
  CAF_CHECK(limits.may_tell("8 spans dropped after 1001 ms", noon + 10s));
}

CAF_TEST(one kind does not hide another) {
  complaint_limits limits;
  CAF_CHECK(limits.may_tell("status 400", noon));
  CAF_CHECK(!limits.may_tell("status 503", noon + 999ms));
  CAF_CHECK(limits.may_tell("status 503", noon + 1s));
  CAF_CHECK(limits.may_tell("no answer", noon + 2s));
  CAF_CHECK(!limits.may_tell("status 400", noon + 3s));
}

CAF_TEST(kinds without end are one line in a second) {
  complaint_limits limits;
  int told = 0;
  for (int i = 0; i < 1000; ++i)
    told += limits.may_tell(std::string(static_cast<std::size_t>(i), 'x'), noon + i * 100ms) ? 1 : 0;
  CAF_CHECK_EQUAL(told, 100);
}
