#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "core/trace_point.hpp"
#include "telemetry/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The edge's way to the service: HTTP/1.1 over kept connections, on a thread of its own.
namespace portcullis::edge {

struct http_client_options {
  /// Where the service is, the preferred address first: `http://host:port` or `https://…`, with an optional path
  /// before which nothing of ours comes. At least one.
  std::vector<std::string> addresses;

  std::string ca_file;          // whose servers are trusted; empty: the system's authorities
  std::string certificate_file; // the client certificate (PEM), or empty
  std::string key_file;         // its key
  std::string caller_key;       // sent as X-Caller-Key; a secret; empty: none is sent

  std::chrono::milliseconds connect_timeout{1'000};
  std::chrono::milliseconds attempt_timeout{2'000}; // one request at one address; past it the address has failed
  std::chrono::milliseconds request_timeout{5'000}; // the whole, at however many addresses

  std::size_t connections_max = 16; // requests out at one time; the others wait
  std::size_t waiting_max = 1024;   // requests that wait to be sent
  std::size_t long_polls_max = 4;   // beyond `connections_max`, since each keeps its connection for long
  std::size_t answer_bytes_max = 1024 * 1024;

  std::chrono::milliseconds backoff_min{50}; // before a failed address is probed
  std::chrono::milliseconds backoff_max{2'000};
  unsigned refusals_max = 3; // 5xx in a row, after which an address has failed
  std::string probe_target = "/readyz";
  std::uint32_t seed = 1; // of the backoff's jitter
};

/// Every request must be one that may be sent twice: it is repeated at the next address when one fails.
struct http_request {
  std::string target;                   // path and query
  std::string body;                     // JSON; empty: a GET, else a POST
  std::chrono::milliseconds timeout{0}; // of the whole; 0: the client's
  /// The server answers late on purpose: one attempt, which lasts as long as `timeout`. It takes no place of the
  /// other requests, and ends at once with an error when its address has failed.
  bool is_long_poll = false;
  /// Whose spans each attempt belongs to: a client span that is a child of the first, and links to all of them.
  /// The one of a trace that is not recorded is only passed on.
  std::vector<trace_point> asked_by{};
};

struct http_answer {
  int status = 0;
  std::string body;
  instant sent{}; // just before the attempt that was answered began
};

/// Called exactly once, on the client's thread or, where the request was turned away, on the sender's. It must not
/// block and may send again.
using http_callback = std::function<void(result<http_answer>)>;

/// How requests are sent; tests put their own here.
using http_send = std::function<void(http_request, http_callback)>;

struct http_client_stats {
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;  // requests that ended without an answer
  std::uint64_t failovers = 0; // attempts at another address than the first that was tried
  std::uint64_t refused = 0;   // turned away at the bound
  std::size_t addresses_usable = 0;
};

void add_to(metrics::snapshot& s, const http_client_stats& stats);

/// Thread-safe. A request goes to the first address that is not known to have failed. An address fails by an error
/// of the connection, by a time-out or by several 5xx in a row; from then on it is only probed, with a growing,
/// jittered pause, and is used again once a probe is answered with 200. With no address left, one request at a
/// time tries each of them, and the others fail at once.
///
/// Errors: `database_unavailable` (no address answers), `overloaded` (the bound on waiting requests). An answer of
/// 502, 503 or 504 is handed over as it is when no other address gives a better one.
class http_client {
public:
  /// Starts the thread. `net::curl_is_usable` must be true.
  explicit http_client(http_client_options options);

  /// As `stop`.
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  void send(http_request request, http_callback callback);

  /// Sends, and waits until `deadline` at most.
  result<http_answer> ask(http_request request, instant deadline);

  /// Ends every request with `draining` and joins the thread. Idempotent.
  void stop();

  http_client_stats stats() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace portcullis::edge
