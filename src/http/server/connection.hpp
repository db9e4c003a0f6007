#pragma once

#include "core/time.hpp"
#include "http/owned_request.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "http/server/responder.hpp"
#include "net/transport.hpp"
#include "telemetry/tracing.hpp"

#include <caf/io/connection_handle.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

/// A request that was read and is not yet answered, or whose answer waits for an earlier one.
struct exchange {
  std::uint64_t id = 0;      // counts up within the connection
  const route* to = nullptr; // null: refused before it had one
  verb method = verb::other;
  bool is_tls = false;
  bool is_head = false;
  bool keep_alive = true;
  bool is_http_1_0 = false;
  bool is_answered = false;
  std::string request_id;
  instant began{};
  instant deadline{};
  std::string_view waits_for = "the service"; // for the answer that tells it was late
  int status = 0;
  std::uint64_t asker = 0; // what the gate noted
  tracing::span span;
  std::unique_ptr<owned_request> parked; // while the service starts
  byte_buffer response;                  // held only while an earlier exchange is open
};

/// What the owner of an event stream wants to know.
struct stream_events {
  std::function<void()> drained;
  std::function<void()> ended;
};

/// One client: its requests in their order, and what is on its way in and out. Knows no socket; the server moves
/// the bytes.
class connection {
public:
  enum class mode : std::uint8_t {
    open,      // requests come in, answers go out
    streaming, // an event stream; input is discarded
    closing,   // the last answer is being sent
    lingering, // all is sent and our side is shut; input is discarded until the peer closes
  };

  connection(caf::io::connection_handle h, std::uint64_t g, const reader_limits& limits, instant now);

  exchange& begin_exchange();

  /// Null once it was answered.
  exchange* find_exchange(std::uint64_t id) noexcept;

  bool is_first(const exchange& x) const noexcept;

  /// Where the response of `x` is to be appended: to what goes out next, or aside while earlier ones are open.
  byte_buffer& response_of(exchange& x) noexcept;

  /// `x` has been answered: moves every answer whose turn it is to what goes out. `x` may be gone after it.
  void finish(exchange& x);

  /// Whether the next request has to wait for the last one: its answer may be long, or late, and is not held for
  /// it.
  bool is_blocked() const noexcept;

  bool is_idle() const noexcept;

  /// Notes whether a request, or its body, has begun or ended since the last call: the time-outs run from then.
  void note_reading(instant now) noexcept;

  /// Bytes in memory for this connection.
  std::size_t held_bytes() const noexcept;

  /// Asserts what must hold between two events, in instrumented builds.
  void check_invariants() const;

  const caf::io::connection_handle handle;
  const std::uint64_t generation;
  mode state = mode::open;
  bool takes_requests = true; // false once a request was the last: refused, or not keep-alive
  bool is_paused = false;     // input is kept in `backlog`
  bool is_halted = false;     // and no more is read from the socket
  bool is_dirty = false;      // in the server's list of those with something to send
  std::size_t acceptor = 0;   // which of the server's
  std::string address;        // the peer's, without a port
  request_reader reader;
  std::string backlog;             // input that is not looked at yet
  std::vector<exchange> exchanges; // oldest first; ids without gaps. It keeps its memory from request to request
  byte_buffer out;                 // plain bytes not yet handed to the transport or the kernel
  byte_buffer wire;                // the transport's, not yet handed to the kernel
  std::size_t unsent = 0;          // bytes that CAF holds for the kernel
  std::size_t discarded = 0;       // bytes of input thrown away while lingering
  std::size_t accounted_bytes = 0; // what the server's total has of this connection
  instant reading_since{};         // the last change between idle, head and body
  instant written_at{};            // when the kernel last took something
  instant lingering_since{};
  std::unique_ptr<net::transport> transport; // null: plain TCP
  std::unique_ptr<stream_events> events;     // of a stream

private:
  std::uint64_t next_exchange_ = 0;
  std::size_t waiting_bytes_ = 0; // of answers that wait for an earlier one
  bool was_in_request_ = false;
  bool was_in_body_ = false;
};

} // namespace portcullis::http
