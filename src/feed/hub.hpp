#pragma once

#include "feed/follower.hpp"
#include "feed/limits.hpp"
#include "feed/log_window.hpp"
#include "feed/long_polls.hpp"
#include "feed/streams.hpp"
#include "telemetry/histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace portcullis::feed {

/// The followers of the revocation log: streams and long polls over one window of it.
///
/// Work that grows with their number is done in turns: news only mark that everyone is to be looked at, and `work`
/// does so for at most `turn_max`, so that requests have their turn.
class hub {
public:
  using subscriber_id = streams::subscriber_id;

  struct numbers {
    std::size_t subscribers = 0;
    std::size_t polls = 0;
    std::uint64_t cut = 0;       // streams that did not keep up
    std::uint64_t delivered = 0; // events written to streams
    metrics::histogram delay;    // from an event to its way to the first of them
  };

  hub(const hub_limits& limits, page_reader read_page, std::function<instant()> now);
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  // -- the log: see `log_window`

  void append(const std::vector<revocation_event>& events, cursor position, std::optional<instant> as_of);
  void start_over(cursor position, std::string reason);
  bool has_position() const noexcept {
    return log_.has_position();
  }
  cursor position() const noexcept {
    return log_.ring().last();
  }
  std::optional<std::chrono::nanoseconds> log_age() const {
    return log_.age();
  }

  instant now() const {
    return log_.now();
  }

  // -- streams: see `streams`

  bool has_room() const noexcept {
    return streams_.has_room();
  }
  cursor first_position(std::optional<cursor> wanted) const {
    return streams_.first_position(wanted);
  }
  subscriber_id add(std::unique_ptr<http::stream> to, std::optional<cursor> wanted, follower_origin who = {}) {
    return streams_.add(std::move(to), wanted, std::move(who));
  }
  void drained(subscriber_id which) {
    streams_.drained(which);
  }
  void remove(subscriber_id which) {
    streams_.remove(which);
  }

  /// Answers at once where there is something, else by the deadline.
  void poll(cursor from, std::size_t limit, instant deadline, std::unique_ptr<poll_reply> to,
            follower_origin who = {}) {
    polls_.add(from, limit, deadline, std::move(to), std::move(who));
  }

  // -- time

  /// Heartbeats and the ends of long polls.
  void tick();

  /// Answers every long poll and accepts no more: the service stops.
  void stop();

  /// Does what is to be done, for at most `turn_max`; whether there is more.
  bool work();
  bool has_work() const noexcept {
    return streams_.has_work() || polls_.has_work();
  }

  numbers count() const noexcept;

  /// At most `max` of those who follow, the furthest behind first.
  std::vector<follower_state> followers(std::size_t max) const;

private:
  hub_limits limits_;
  log_window log_;
  streams streams_;
  long_polls polls_;
};

} // namespace portcullis::feed
