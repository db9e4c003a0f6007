#pragma once

#include <chrono>
#include <cstddef>

namespace portcullis::feed {

/// Every bound of the hub.
struct hub_limits {
  std::size_t ring_events_max = 65'536;                              // recent events held in memory
  std::size_t subscribers_max = 4'096;                               // streams, and as many long polls
  std::size_t subscriber_buffer_bytes_max = std::size_t{256} * 1024; // unsent, past which a stream is cut off
  std::size_t page_events_max = 500; // written to one stream, and read from the log, at a time
  std::chrono::nanoseconds heartbeat_interval = std::chrono::seconds{10}; // the contract: 15 s at most
  std::chrono::nanoseconds turn_max = std::chrono::microseconds{300};     // then requests have their turn
};

} // namespace portcullis::feed
