#define CAF_SUITE collector_refusals
#include "telemetry/collector_refusals.hpp"

#include "caf/test/unit_test.hpp"

#include <thread>

using namespace portcullis::tracing;
using namespace std::chrono_literals;

namespace {

constexpr auto head = "[OTLP HTTP Client] Export failed, Status:";

std::optional<refusal> parse(const std::string& rest) {
  return parse_refusal(head + rest);
}

const collector_refusals::clock::time_point noon{1h};

} // namespace

CAF_TEST(a collector is to be asked again after these answers alone) {
  for (const int status : {429, 502, 503, 504}) {
    const auto r = parse(std::to_string(status) + ", Header:Body:");
    CAF_REQUIRE(r);
    CAF_CHECK_EQUAL(r->status, status);
    CAF_CHECK(!r->retry_after);
  }
  for (const char* other : {"400, Header:Body:", "500, Header:Body:", "4290, Header:Body:", "x", ""})
    CAF_CHECK(!parse(other));
  CAF_CHECK(!parse_refusal("[OTLP HTTP Client] Session state: connection failed."));
}

CAF_TEST(how long it asks for is read however it is written) {
  const auto wait = [](const std::string& headers) {
    return parse("503, Header:" + headers + "Body:Retry-After: 9,").value_or(refusal{}).retry_after;
  };
  CAF_CHECK(wait("\tServer: x,\tRetry-After: 7,\tDate: y,") == 7s);
  CAF_CHECK(wait("\tretry-after:7\r,") == 7s);
  CAF_CHECK(!wait("\tRetry-After: Wed, 21 Oct 2026 07:28:00 GMT,"));
  CAF_CHECK(!wait("\tRetry-After: -1,"));
  CAF_CHECK(!wait("\tX-Retry-After: 7,"));
  CAF_CHECK(!wait("\tServer: x,")); // what the body says is nothing
}

CAF_TEST(a time may be a date) {
  constexpr std::time_t at = 1792567680; // Wed, 21 Oct 2026 07:28:00 GMT
  const auto wait = [=](std::string_view date) { return as_refusal(429, date, at)->retry_after; };
  CAF_CHECK(wait("Wed, 21 Oct 2026 07:28:07 GMT") == 7s);
  CAF_CHECK(wait("  Wed, 21 Oct 2026 07:28:07 GMT,\tDate: y,") == 7s);
  CAF_CHECK(!wait("Wed, 21 Oct 2026 07:27:59 GMT"));
  for (const char* wrong : {"Wed, 21 Oct 2026", "soon", "Wed, 99 Oct 2026 07:28:07 GMT", "1 Oct"})
    CAF_CHECK(wait(wrong).value_or(1s) == 1s);
}

CAF_TEST(it is left alone as long as it says and no longer than the bound) {
  collector_refusals refusals;
  CAF_CHECK(!refusals.is_waiting(noon));
  refusals.note({429, 7s}, noon);
  CAF_CHECK(refusals.is_waiting(noon + 6s));
  CAF_CHECK(!refusals.is_waiting(noon + 7s));
  refusals.note({429, 2s}, noon + 1s); // said to another signal, and sooner
  CAF_CHECK(refusals.is_waiting(noon + 6s));
  refusals.note({429, 1h}, noon + 7s);
  CAF_CHECK(refusals.is_waiting(noon + 66s));
  CAF_CHECK(!refusals.is_waiting(noon + 67s));
}

CAF_TEST(without a time the wait doubles until something is taken) {
  collector_refusals refusals;
  auto now = noon;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    refusals.note({503, {}}, now);
    CAF_CHECK(refusals.is_waiting(now + wait - 1ms));
    now += wait;
    CAF_CHECK(!refusals.is_waiting(now));
  }
  CAF_CHECK(!refusals.refuses([] {}));
  refusals.note({503, {}}, now);
  CAF_CHECK(!refusals.is_waiting(now + 1s));
}

CAF_TEST(a batch is refused if that is told while it is sent) {
  collector_refusals refusals;
  refusals.note({429, 0s});
  CAF_CHECK(!refusals.refuses([] {}));
  CAF_CHECK(refusals.refuses([&] { refusals.note({429, 0s}); }));
}

CAF_TEST(what is refused is sent again a few times and nothing else is) {
  collector_refusals refusals;
  retry_policy retries{refusals};
  int sent = 0;
  CAF_CHECK(retries.send([&] { return ++sent == 1; }));
  CAF_CHECK(!retries.send([&] { return ++sent == 0; }));
  CAF_CHECK_EQUAL(sent, 2);
  const auto refuse = [&] {
    refusals.note({429, 0s});
    return ++sent == 0;
  };
  CAF_CHECK(!retries.send(refuse));
  CAF_CHECK_EQUAL(sent, 2 + retry_policy::attempts_max);
  refusals.end();
  CAF_CHECK(!retries.send(refuse));
  CAF_CHECK_EQUAL(sent, 2 + retry_policy::attempts_max + 1);
}

CAF_TEST(once the end has come nothing more is sent after a while) {
  collector_refusals refusals;
  retry_policy retries{refusals, 1ms};
  int sent = 0;
  const auto send_slowly = [&] {
    std::this_thread::sleep_for(1ms);
    return ++sent > 0;
  };
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(retries.send(send_slowly));
  refusals.end();
  CAF_CHECK(retries.send(send_slowly));
  CAF_CHECK(!retries.send(send_slowly));
  CAF_CHECK_EQUAL(sent, 4);
}

CAF_TEST(the end wakes who waits) {
  collector_refusals refusals;
  CAF_CHECK(refusals.wait());
  refusals.note({429, 60s});
  std::thread ending{[&] { refusals.end(); }};
  CAF_CHECK(!refusals.wait());
  ending.join();
  CAF_CHECK(!refusals.is_waiting());
  refusals.begin();
  CAF_CHECK(refusals.wait());
}
