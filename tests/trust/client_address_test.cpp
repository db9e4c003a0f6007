#include "trust/client_address.hpp"

#include "caf/test/unit_test.hpp"

#include <arpa/inet.h>

#include <string>
#include <vector>

using namespace portcullis::trust;

namespace {

std::string text_of(const ip_address& address) {
  char text[INET6_ADDRSTRLEN];
  const bool is_ipv4 = address.is_ipv4();
  ::inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address.bytes.data() + (is_ipv4 ? 12 : 0), text, sizeof text);
  return text;
}

const ip_address peer = *parse_ip_address("10.0.0.1");

std::string client(forwarding_field field, const std::vector<std::string_view>& lines, std::size_t hops) {
  return text_of(client_address(field, {lines.data(), lines.size()}, peer, hops));
}

std::string by_list(const std::vector<std::string_view>& lines, std::size_t hops = 1) {
  return client(forwarding_field::x_forwarded_for, lines, hops);
}

std::string by_forwarded(const std::vector<std::string_view>& lines, std::size_t hops = 1) {
  return client(forwarding_field::forwarded, lines, hops);
}

} // namespace

CAF_TEST(addresses are read) {
  CAF_CHECK_EQUAL(text_of(*parse_ip_address("192.0.2.1")), "192.0.2.1");
  CAF_CHECK_EQUAL(text_of(*parse_ip_address("::ffff:192.0.2.1")), "192.0.2.1");
  CAF_CHECK_EQUAL(text_of(*parse_ip_address("2001:DB8::1")), "2001:db8::1");
  for (const std::string_view bad :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]", "::1%eth0", "a.example", " 1.2.3.4"})
    CAF_CHECK(!parse_ip_address(bad));
  CAF_CHECK(!parse_ip_address(std::string_view{"1.2.3.4\0", 8}));
  CAF_CHECK(!parse_ip_address(std::string(1000, '1')));
}

CAF_TEST(without trusted hops the peer is the client) {
  CAF_CHECK_EQUAL(by_list({"192.0.2.1"}, 0), "10.0.0.1");
  CAF_CHECK_EQUAL(by_forwarded({"for=192.0.2.1"}, 0), "10.0.0.1");
  CAF_CHECK_EQUAL(by_list({}, 3), "10.0.0.1");
}

CAF_TEST(hops are counted from the right) {
  const std::vector<std::string_view> lines{"198.51.100.66, 192.0.2.3,192.0.2.2 ,\t192.0.2.1"};
  CAF_CHECK_EQUAL(by_list(lines, 1), "192.0.2.1");
  CAF_CHECK_EQUAL(by_list(lines, 2), "192.0.2.2");
  CAF_CHECK_EQUAL(by_list(lines, 3), "192.0.2.3");
  CAF_CHECK_EQUAL(by_list({"192.0.2.3", "192.0.2.2, 192.0.2.1"}, 3), "192.0.2.3");
  CAF_CHECK_EQUAL(by_list({"192.0.2.2, 192.0.2.1"}, 5), "192.0.2.2"); // fewer than there should be: the furthest
  CAF_CHECK_EQUAL(by_list({"192.0.2.2,, 192.0.2.1, ,"}, 2), "192.0.2.2");
}

CAF_TEST(what is no address ends what is believed) {
  CAF_CHECK_EQUAL(by_list({"192.0.2.2, unknown, 192.0.2.1"}, 3), "192.0.2.1");
  CAF_CHECK_EQUAL(by_list({"192.0.2.2, 1.2.3"}, 2), "10.0.0.1");
  CAF_CHECK_EQUAL(by_list({"999.0.2.1"}, 1), "10.0.0.1");
}

CAF_TEST(addresses come with ports and brackets) {
  CAF_CHECK_EQUAL(by_list({"192.0.2.1:4711"}), "192.0.2.1");
  CAF_CHECK_EQUAL(by_list({"2001:db8::1"}), "2001:db8::1");
  CAF_CHECK_EQUAL(by_list({"[2001:db8::1]"}), "2001:db8::1");
  CAF_CHECK_EQUAL(by_list({"[2001:db8::1]:4711"}), "2001:db8::1");
  for (const std::string_view bad : {"192.0.2.1:", "192.0.2.1:x", "[2001:db8::1", "[2001:db8::1]x",
                                     "[2001:db8::1]:", "[192.0.2.1]", "[]", "\"192.0.2.1\""})
    CAF_CHECK_EQUAL(by_list({bad}), "10.0.0.1");
}

CAF_TEST(Forwarded is read as RFC 7239 has it) {
  CAF_CHECK_EQUAL(by_forwarded({"for=192.0.2.60;proto=http;by=203.0.113.43"}), "192.0.2.60");
  CAF_CHECK_EQUAL(by_forwarded({"For=\"[2001:db8:cafe::17]:4711\""}), "2001:db8:cafe::17");
  CAF_CHECK_EQUAL(by_forwarded({"for=192.0.2.43, for=198.51.100.17"}), "198.51.100.17");
  CAF_CHECK_EQUAL(by_forwarded({"for=192.0.2.43, for=198.51.100.17"}, 2), "192.0.2.43");
  CAF_CHECK_EQUAL(by_forwarded({"for=192.0.2.43", "for=198.51.100.17;by=_x"}, 2), "192.0.2.43");
  CAF_CHECK_EQUAL(by_forwarded({"proto=\"a,b;c\" ; FOR = 1"}), "10.0.0.1");
  CAF_CHECK_EQUAL(by_forwarded({"by=203.0.113.43;for=\"192.0.2.1:_port\""}), "192.0.2.1");
  CAF_CHECK_EQUAL(by_forwarded({"host=\"x, for=1.1.1.1\";for=192.0.2.1"}, 2), "192.0.2.1");
  CAF_CHECK_EQUAL(by_forwarded({"host=\"x\\\", for=1.1.1.1\";for=192.0.2.1"}, 2), "192.0.2.1");
  for (const std::string_view bad :
       {"for=unknown", "for=_hidden", "for=\"_SEVKISEK\"", "for=", "for", "by=192.0.2.1",
        "for=192.0.2.1;for=192.0.2.2", "for=\"192.0.2.1", "for=192.0.2.1\"", "=", ";"})
    CAF_CHECK_EQUAL(by_forwarded({bad}), "10.0.0.1");
}

CAF_TEST(what a client sends cannot swallow what a trusted hop appends) {
  for (const std::string sent : {"for=\"1.1.1.1", "for=\"1.1.1.1\\", "\"", "for=\"", "\\\"",
                                 "for=1.1.1.1;x=\"\\\"", ",;\"", "for=1.1.1.1, for=\"2.2.2.2"}) {
    CAF_CHECK_EQUAL(by_forwarded({sent + ", for=192.0.2.1"}), "192.0.2.1");
    CAF_CHECK_EQUAL(by_forwarded({sent, "for=192.0.2.1"}), "192.0.2.1");
    CAF_CHECK_EQUAL(by_forwarded({sent + ", for=\"[2001:db8::1]:1\";proto=https"}), "2001:db8::1");
  }
}

CAF_TEST(any bytes are read without harm) {
  std::uint32_t random = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < round % 40; ++i) {
      random = random * 1664525 + 1013904223;
      text += "for=\"[],;\\ 12.:_\0\x80"[random >> 24 & 15];
    }
    const std::string_view line = text;
    for (const auto field : {forwarding_field::forwarded, forwarding_field::x_forwarded_for})
      (void)client_address(field, {&line, 1}, peer, 1 + random % 9);
  }
  CAF_CHECK(true);
}

CAF_TEST(an address of IPv6 counts by its network) {
  const auto key = [](std::string_view text) { return std::string{address_key{*parse_ip_address(text)}.bytes()}; };
  CAF_CHECK_EQUAL(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  CAF_CHECK_NOT_EQUAL(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  CAF_CHECK_NOT_EQUAL(key("192.0.2.1"), key("192.0.2.2"));
  CAF_CHECK_EQUAL(key("192.0.2.1"), key("::ffff:192.0.2.1"));
}
