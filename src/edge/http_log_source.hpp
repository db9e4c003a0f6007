#pragma once

#include "actors/log_source.hpp"
#include "actors/log_wakeup.hpp"
#include "edge/http_client.hpp"
#include "edge/log_position.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace portcullis::edge {

struct http_log_source_options {
  std::size_t page_events_max = 200;            // the service takes no more
  std::chrono::seconds poll_wait{25};           // how long a long poll waits for news; the service allows 30
  std::chrono::milliseconds poll_margin{5'000}; // beyond it, for the answer
  std::function<instant()> now = boot_clock::now;
};

/// Sends a request and waits for its answer until the deadline at most; `http_client::ask`.
using http_ask = std::function<result<http_answer>(http_request, instant deadline)>;

/// The service's revocation log over its JSON feed.
///
/// Only `read` renews the lease on memory: it asks at once and is answered at once, and the page counts as of the
/// instant at which it was sent, less the age of the log that the answer tells. A long poll that is out meanwhile
/// rings as soon as there is news and proves nothing: its answer says what was so at a time that nobody here
/// knows.
std::unique_ptr<log_source> make_http_log_source(http_log_source_options options, http_ask ask, http_send send,
                                                 log_wakeup_ptr wakeup, log_position_ptr position);

} // namespace portcullis::edge
