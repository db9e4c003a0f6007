// Any bytes to a TLS server, before, in the middle of and after a handshake with an honest client: bounded, no
// plain text that nobody sent, and the first failure is final.

#include "http/transcript.hpp"
#include "net/tls_client.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace portcullis;
using portcullis::http::demand;

const test::tls_world& world() {
  static const test::tls_world made;
  return made;
}

std::shared_ptr<const net::tls_context> context() {
  static const auto made = world().context(net::client_certificates::optional);
  return made;
}

/// Hands `bytes` over in pieces of up to `piece` bytes.
void feed(test::tls_pair& pair, std::string_view bytes, std::size_t piece) {
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    const auto failed_before = !pair.failure.empty();
    const auto written_before = pair.to_wire.size();
    pair.to_server(part);
    demand(!failed_before || pair.to_wire.size() == written_before, "who has failed says nothing more");
    demand(pair.to_wire.size() - written_before <= 64 * 1024, "what is said of itself is bounded");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 3, size - 3};
  const std::size_t flights = data[0] % 4; // of the honest client, before the bytes
  const std::size_t piece = data[1] + 1u;
  test::client_wish wish;
  if (data[2] % 2 == 0)
    wish.version_max = TLS1_2_VERSION;
  test::tls_pair pair{context(), world().authority, wish};
  std::string flight;
  for (std::size_t i = 0; i < flights; ++i) {
    flight = pair.client.receive(flight);
    pair.to_server(flight);
    flight.assign(pair.to_wire.begin(), pair.to_wire.end());
    pair.to_wire.clear();
  }
  const bool was_established = pair.server.is_established();
  feed(pair, bytes, piece);
  demand(pair.plain.empty(), "without the keys nobody makes plain text");
  demand(pair.server.is_established() == was_established, "without the keys nobody ends a handshake");
  pair.server.close(pair.to_wire);
  (void)pair.server.send("x", pair.to_wire);
  return 0;
}
