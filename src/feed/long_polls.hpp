#pragma once

#include "core/error.hpp"
#include "feed/follower.hpp"
#include "feed/limits.hpp"
#include "feed/log_window.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace portcullis::feed {

/// Who waits for events by a long poll.
class poll_reply {
public:
  virtual ~poll_reply() = default;

  virtual void events(const std::vector<revocation_event>& found, cursor position) = 0;

  /// Drop what you know; carry on from `position`.
  virtual void reset(cursor position) = 0;

  virtual void fail(const failure& why) = 0;

  virtual bool is_gone() const = 0;
};

/// Those who follow the log by asking again and again, and wait for an answer meanwhile.
class long_polls {
public:
  long_polls(const hub_limits& limits, const log_window& log) : limits_(limits), log_(log) {}

  /// Answers at once where there is something, else by the deadline.
  void add(cursor from, std::size_t limit, instant deadline, std::unique_ptr<poll_reply> to, follower_origin who);

  /// There is something new, or time has passed: everyone is to be looked at.
  void check_everyone() noexcept {
    checks_left_ = polls_.size();
  }

  /// Looks at one of those that are to be looked at.
  void check_one();

  bool has_work() const noexcept {
    return checks_left_ > 0;
  }

  /// Everyone is answered, and nobody waits any more: the service stops.
  void stop() noexcept;

  std::size_t size() const noexcept {
    return polls_.size();
  }

  /// Appends everyone who waits; `behind` is the caller's to tell.
  void list(std::vector<follower_state>& into) const;

private:
  struct waiting_poll {
    cursor from;
    std::size_t limit = 0;
    instant deadline{};
    std::unique_ptr<poll_reply> to;
    follower_origin who;
    instant since{};
    bool is_known = false; // the table has said that there is such a position
  };

  void check(waiting_poll p);
  bool answer_from_ring(waiting_poll& p) const;
  void read_poll_page(waiting_poll p);

  const hub_limits& limits_;
  const log_window& log_;
  bool is_stopping_ = false;
  std::deque<waiting_poll> polls_;
  std::size_t checks_left_ = 0;
};

} // namespace portcullis::feed
