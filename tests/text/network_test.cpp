#include "text/network.hpp"

#include "caf/test/unit_test.hpp"

#include <string>

using namespace portcullis;

namespace {

std::string canonical(std::string_view text) {
  const auto network = text::canonical_network(text);
  return network ? *network : std::string{to_string(network.error().code)};
}

} // namespace

CAF_TEST(addresses and networks have one text each) {
  CAF_CHECK_EQUAL(canonical("192.0.2.7"), "192.0.2.7");
  CAF_CHECK_EQUAL(canonical("192.0.2.7/32"), "192.0.2.7");
  CAF_CHECK_EQUAL(canonical("192.0.2.0/24"), "192.0.2.0/24");
  CAF_CHECK_EQUAL(canonical("0.0.0.0/0"), "0.0.0.0/0");
  CAF_CHECK_EQUAL(canonical("192.0.2.128/25"), "192.0.2.128/25");
  CAF_CHECK_EQUAL(canonical("2001:DB8:0:0::7"), "2001:db8::7");
  CAF_CHECK_EQUAL(canonical("2001:db8::/32"), "2001:db8::/32");
  CAF_CHECK_EQUAL(canonical("::/0"), "::/0");
  CAF_CHECK_EQUAL(canonical("::ffff:192.0.2.7"), "192.0.2.7"); // as sessions are stored
  CAF_CHECK_EQUAL(canonical("::ffff:192.0.2.0/120"), "192.0.2.0/24");
}

CAF_TEST(what is neither is refused) {
  using namespace std::string_view_literals;
  for (auto text : {""sv,
                    "/"sv,
                    "192.0.2"sv,
                    "192.0.2.256"sv,
                    "192.0.2.0/"sv,
                    "192.0.2.0/33"sv,
                    "192.0.2.0/-1"sv,
                    "192.0.2.0/24/1"sv,
                    "192.0.2.0/2 4"sv,
                    " 192.0.2.7"sv,
                    "192.0.2.7:80"sv,
                    "[2001:db8::7]"sv,
                    "fe80::1%eth0"sv,
                    "2001:db8::/129"sv,
                    "example.org"sv,
                    "192.0.2.7\0"sv,
                    "192.0.2.1/24"sv,
                    "2001:db8::1/32"sv,
                    "::ffff:192.0.2.7/120"sv,
                    "1111:2222:3333:4444:5555:6666:7777:8888:9999"sv})
    CAF_CHECK_EQUAL(canonical(text), "value_unacceptable");
}
