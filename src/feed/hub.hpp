#pragma once

#include "core/event_ring.hpp"
#include "core/operations.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "feed/limits.hpp"
#include "http/response.hpp"
#include "http/stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

using page_result = result<store::read_events::result>;

/// Asks for a page of the log from the table; `then` is called later, once.
using page_reader = std::function<void(const store::read_events& ask, std::function<void(page_result)> then)>;

/// The followers of the revocation log. It holds the ring of recent events, because it is on the same thread as
/// those who read it; what is older comes from the table, a page at a time.
///
/// A stream gets events from one source at a time, in the order of the log, and its position says how far it is:
/// while a page of the table is on its way nothing else is written to it, and a page's events up to the position
/// are skipped. So no order of pages, news, resets and cuts gives it an event twice or out of order.
///
/// Work that grows with the number of followers is done in turns: news only mark that everyone is to be visited,
/// and `work` visits them round robin for at most `turn_max`. What arrives meanwhile goes out with the same visit.
/// A stream that lags is pumped: it gets its next page only when its last one has left for the kernel, so a slow
/// reader costs one page of memory and no more. One that was up to date and does not take what is new is cut off
/// past a bound, and resumes by its cursor.
class hub {
public:
  using subscriber_id = std::uint64_t;

  struct numbers {
    std::size_t subscribers = 0;
    std::size_t polls = 0;
    std::uint64_t cut = 0;       // streams that did not keep up
    std::uint64_t delivered = 0; // events written to streams
  };

  hub(const hub_limits& limits, page_reader read_page, std::function<instant()> now);

  // -- the log

  /// Events that follow what came before; `as_of` is when the read began that found no more, if it was one.
  void append(const std::vector<revocation_event>& events, cursor position, std::optional<instant> as_of);

  /// The log does not continue what came before.
  void start_over(cursor position, std::string reason);

  /// False before the first `start_over`: nobody can follow yet.
  bool has_position() const noexcept {
    return has_position_;
  }
  cursor position() const noexcept {
    return ring_.last();
  }

  /// How long ago the last complete read of the log began; nothing before the first.
  std::optional<std::chrono::nanoseconds> log_age() const;

  // -- streams

  bool has_room() const noexcept {
    return subscribers_.size() - removed_ < limits_.subscribers_max;
  }

  /// Where a subscriber that asks for `wanted` (nothing: for now) begins.
  cursor first_position(std::optional<cursor> wanted) const;

  /// A stream whose head says where it begins. The rest follows in the next turns.
  subscriber_id add(std::unique_ptr<http::stream> to, std::optional<cursor> wanted);

  /// All that was written to it has been taken.
  void drained(subscriber_id which);

  /// It is over.
  void remove(subscriber_id which);

  // -- long polls

  /// Answers at once where there is something, else by the deadline.
  void poll(cursor from, std::size_t limit, instant deadline, std::unique_ptr<poll_reply> to);

  // -- time

  /// Heartbeats and the ends of long polls.
  void tick();

  /// Answers every long poll and accepts no more: the service stops.
  void stop();

  /// Does what is to be done, for at most `turn_max`; whether there is more.
  bool work();

  bool has_work() const noexcept {
    return visits_left_ > 0 || checks_left_ > 0 || !due_.empty();
  }

  numbers count() const noexcept;

private:
  struct subscriber {
    subscriber_id id = 0;
    std::unique_ptr<http::stream> to;
    cursor position;               // every event up to it has been written
    bool is_reading_table = false; // a page of old events is on its way
    bool is_live = false;          // it was up to date once, and has to keep up
    bool is_removed = false;       // it is over; its place is taken away in the next turn
    instant written_at{};
  };

  struct waiting_poll {
    cursor from;
    std::size_t limit = 0;
    instant deadline{};
    std::unique_ptr<poll_reply> to;
    bool is_known = false; // the table has said that there is such a position
  };

  subscriber* find(subscriber_id which) noexcept;
  void visit_everyone() noexcept;
  void visit_next();
  void check_next();
  void take_away_removed();
  void visit(subscriber& s);
  void write_reset(subscriber& s, std::string_view reason);
  void write_from_ring(subscriber& s);
  void read_table(subscriber& s);
  void continue_from_table(subscriber_id which, const page_result& page);
  store::read_events::result up_to_ring(store::read_events::result page) const;
  const http::byte_buffer& encoded(std::uint64_t after, std::uint64_t* reached);
  void cut(subscriber& s, const char* reason);

  void check(waiting_poll p);
  bool answer_from_ring(waiting_poll& p) const;
  void read_poll_page(waiting_poll p);

  hub_limits limits_;
  page_reader read_page_;
  std::function<instant()> now_;
  event_ring ring_;
  bool has_position_ = false;
  bool is_stopping_ = false;
  std::string reset_reason_;
  std::optional<instant> as_of_;
  std::vector<subscriber> subscribers_; // by id
  std::size_t removed_ = 0;
  std::size_t next_visit_ = 0;    // round robin
  std::size_t visits_left_ = 0;   // until everyone has been visited since the last news
  std::deque<subscriber_id> due_; // to be visited before the others: new ones, and those with a further page
  std::deque<waiting_poll> polls_;
  std::size_t checks_left_ = 0;
  subscriber_id next_id_ = 1;
  std::uint64_t cut_ = 0;
  std::uint64_t delivered_ = 0;
  // The events between two positions, encoded for all who are at the first of them.
  http::byte_buffer encoded_;
  cursor encoded_from_;
  std::uint64_t encoded_to_ = 0;
  std::size_t encoded_events_ = 0;
  bool is_encoded_ = false;
  bool is_full_page_ = false; // there was more: what follows does not change it
};

} // namespace portcullis::feed
