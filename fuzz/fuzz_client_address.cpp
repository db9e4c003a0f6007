// Any bytes as what proxies forward: whatever a client sends, what the trusted hop appended is what counts.

#include "http/transcript.hpp"
#include "trust/client_address.hpp"

#include <cstdint>
#include <string>

namespace {

using namespace portcullis::trust;
using portcullis::http::demand;

void check(forwarding_field field, std::string_view sent, std::string_view appended) {
  static const auto peer = *parse_ip_address("10.0.0.1");
  static const auto told = *parse_ip_address("192.0.2.1");
  const auto joined = std::string{sent} + ", " + std::string{appended};
  const std::string_view one_line = joined;
  const std::string_view two_lines[] = {sent, appended};
  demand(client_address(field, {&one_line, 1}, peer, 1) == told, "the trusted hop is believed on the same line");
  demand(client_address(field, {two_lines, 2}, peer, 1) == told,
         "the trusted hop is believed on a line of its own");
  demand(client_address(field, {&sent, 1}, peer, 0) == peer, "nobody is believed when no hop is trusted");
  for (std::size_t hops = 1; hops <= forwarding_hops_max; ++hops)
    (void)client_address(field, {two_lines, 2}, peer, hops);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  check(forwarding_field::x_forwarded_for, bytes, "192.0.2.1");
  check(forwarding_field::forwarded, bytes, "for=\"192.0.2.1:80\";proto=https");
  return 0;
}
