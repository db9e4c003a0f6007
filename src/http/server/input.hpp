#pragma once

#include "core/result.hpp"
#include "http/router.hpp"
#include "http/server/connections.hpp"
#include "http/server/limits.hpp"
#include "http/server/output.hpp"
#include "net/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

/// Where a request came from.
struct request_origin {
  std::size_t listener = 0;                 // which of the server's listening sockets
  const net::peer_identity* peer = nullptr; // what the transport has proven; null over plain TCP
  std::string_view address;                 // the peer's, without a port; empty if it is not known
  std::uint64_t* asker = nullptr;           // the gate may note a number, which is told with the answer
  responder answer;                         // where its answer goes: it tells the request's id and trace
};

/// Why a request is not run, with the header fields that go with that.
struct refusal {
  failure why;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// Looks at each request that has a route before its handler runs, and notes whom it is from; nothing lets it
/// pass.
using gate = std::function<std::optional<refusal>(call& c, const route& to, const request_origin& from)>;

/// From bytes that came in to a request and its handler.
class input {
public:
  input(server& owner, const server_limits& limits, connections& all, output& out, std::uint64_t request_id_seed);

  http::router routes;
  gate is_let_pass; // empty: all are

  /// Bytes from the wire.
  void take(connection& c, std::string_view wire);

  /// Goes on with what had to wait.
  void resume(connection& c);

  /// Answers what is not a request, or not to be served at all, and closes.
  void refuse(connection& c, const failure& why);

  /// Runs the requests that have waited for the service to start.
  void run_parked();

  struct counters {
    std::uint64_t refused = 0;         // no valid HTTP, or too slow
    std::uint64_t short_of_memory = 0; // turned away because connections held more than they may
    std::uint64_t handshakes = 0;      // of TLS, that succeeded
    std::uint64_t handshakes_failed = 0;
  } count;

private:
  void process(connection& c, std::string_view plain);
  void keep(connection& c, std::string_view rest);
  exchange& begin(connection& c, const request& r, const route* to, instant now);
  void dispatch(connection& c, const request& r, instant now);
  bool park(connection& c, exchange& x, const request& r);
  void run(connection& c, exchange& x, const request& r, const path_params& params);
  std::optional<refusal> ask_gate(const connection& c, exchange& x, call& asked, const ticket& which) const;
  bool is_short_of_memory() const noexcept;

  server& owner_;
  const server_limits& limits_;
  connections& all_;
  output& out_;
  std::uint64_t next_request_;
  std::vector<ticket> parked_; // requests that wait for the service to start
};

} // namespace portcullis::http
