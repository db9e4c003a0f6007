#pragma once

#include "http/request.hpp"

#include <chrono>
#include <cstddef>

namespace portcullis::http {

/// Every bound of the server. BACKEND_HTTP_* sets those that have a variable.
struct server_limits {
  reader_limits reader;
  std::size_t connections_max = 10'000;
  std::size_t turned_away_max = 128; // connections beyond that are told so; past it none is accepted
  std::size_t pipelined_max = 64;    // requests of one connection in flight
  std::size_t unsent_bytes_max = std::size_t{256} * 1024; // of one connection's answers, past which it is not read
  std::size_t backlog_bytes_max = std::size_t{16} * 1024; // of one connection's input that is not looked at yet
  std::size_t linger_bytes_max = std::size_t{256} * 1024; // thrown away while a connection closes
  std::size_t held_bytes_max = std::size_t{512} * 1024 * 1024; // of all connections, input and output
  std::size_t parked_max = 4096;                               // requests that wait for the service to start
  std::chrono::nanoseconds header_timeout = std::chrono::seconds{10}; // from its first byte to the end of its head
  std::chrono::nanoseconds body_timeout = std::chrono::seconds{30};   // from there to the end of its body
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds{75};   // between requests
  std::chrono::nanoseconds write_timeout = std::chrono::seconds{30};  // without the peer taking a byte
  std::chrono::nanoseconds linger_timeout = std::chrono::seconds{2};
  std::chrono::nanoseconds drain_idle_max =
    std::chrono::seconds{5}; // at a stop, for an idle connection's next request
  std::chrono::nanoseconds request_timeout = std::chrono::seconds{6};
};

} // namespace portcullis::http
