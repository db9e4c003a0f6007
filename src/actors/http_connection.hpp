#pragma once

#include "core/model.hpp"
#include "core/time.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "telemetry/tracing.hpp"

#include <caf/io/connection_handle.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace portcullis {

/// Names one request of one connection across time. CAF's connection handle is the descriptor's number, which the
/// next client gets; the generation is never used twice, so an answer for a client that has left finds nobody
/// (rule 7).
struct ticket {
  std::int64_t connection = -1;
  std::uint64_t generation = 0;
  std::uint64_t exchange = 0;
};

/// A request that was read and is not yet answered, or whose answer waits for an earlier one.
struct http_exchange {
  std::uint64_t id = 0; // counts up within the connection
  http::route to = http::route::none;
  bool is_head = false;
  bool keep_alive = true;
  bool is_http_1_0 = false;
  bool is_answered = false;
  bool is_change = false; // worth a line in the log
  std::string request_id;
  instant began{};
  instant deadline{};
  int status = 0;
  tracing::span span;
  http::byte_buffer response; // held only while an earlier exchange is open
};

/// A follower of the feed.
struct feed_subscription {
  std::uint64_t position = 0;    // every event up to it has been written
  bool is_reading_table = false; // a page of old events is on its way
  instant last_written{};
};

struct http_connection {
  enum class mode : std::uint8_t {
    open,      // requests come in, answers go out
    streaming, // an event stream; input is discarded
    closing,   // the last answer is being sent
    lingering, // all is sent and our side is shut; input is discarded until the peer closes
  };

  http_connection(caf::io::connection_handle h, std::uint64_t g, const http::reader_limits& limits)
    : handle(h), generation(g), reader(limits) {}

  caf::io::connection_handle handle;
  std::uint64_t generation;
  mode state = mode::open;
  bool takes_requests = true; // false once a request was the last: refused, or not keep-alive
  bool is_halted = false;     // reading is off: too much in flight
  http::request_reader reader;
  std::string backlog;                 // input beyond the requests in flight, while reading is off
  std::deque<http_exchange> exchanges; // oldest first; ids without gaps
  std::uint64_t next_exchange = 0;
  http::byte_buffer out;     // answers not yet handed to the kernel or to CAF
  std::size_t unsent = 0;    // bytes that CAF holds for the kernel
  std::size_t discarded = 0; // bytes of input thrown away while lingering
  instant reading_since{};   // the last change between idle, head and body
  bool was_in_request = false;
  bool was_in_body = false;
  instant written_at{}; // when the kernel last took something
  instant lingering_since{};
  std::optional<feed_subscription> subscription;
};

} // namespace portcullis
