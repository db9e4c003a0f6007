#pragma once

#include "feed/follower.hpp"
#include "feed/limits.hpp"
#include "feed/log_window.hpp"
#include "http/response.hpp"
#include "http/stream.hpp"
#include "telemetry/histogram.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace portcullis::feed {

/// Those who follow the log by an event stream.
///
/// A stream gets events from one source at a time, in the order of the log, and its position says how far it is:
/// while a page of the table is on its way nothing else is written to it, and a page's events up to the position
/// are skipped. So no order of pages, news, resets and cuts gives it an event twice or out of order.
///
/// News only mark that everyone is to be visited, round robin; what arrives meanwhile goes out with the same
/// visit. A stream that lags is pumped: it gets its next page only when its last one has left for the kernel, so a
/// slow reader costs one page of memory and no more. One that was up to date and does not take what is new is cut
/// off past a bound, and resumes by its cursor.
class streams {
public:
  using subscriber_id = std::uint64_t;

  streams(const hub_limits& limits, const log_window& log) : limits_(limits), log_(log) {}

  bool has_room() const noexcept {
    return size() < limits_.subscribers_max;
  }

  /// Where a subscriber that asks for `wanted` begins; one that names no cursor begins at the newest event.
  cursor first_position(std::optional<cursor> wanted) const;

  /// A stream whose head says where it begins. The rest follows in the next turns.
  subscriber_id add(std::unique_ptr<http::stream> to, std::optional<cursor> wanted, follower_origin who);

  /// All that was written to it has been taken.
  void drained(subscriber_id which);

  /// It is over.
  void remove(subscriber_id which);

  /// There is something new, or time has passed: everyone is to be visited.
  void visit_everyone() noexcept;

  /// Visits one of those that are to be visited.
  void visit_one();

  bool has_work() const noexcept {
    return visits_left_ > 0 || !due_.empty();
  }

  /// To write to a stream can end it, so places are taken away between two visits only.
  void take_away_removed();

  std::size_t size() const noexcept {
    return subscribers_.size() - removed_;
  }
  /// Appends everyone; `behind` is the caller's to tell.
  void list(std::vector<follower_state>& into) const;

  std::uint64_t cut_count() const noexcept {
    return cut_;
  }
  std::uint64_t delivered_count() const noexcept {
    return delivered_;
  }

  /// From each event to its first way to a stream.
  const metrics::histogram& delay() const noexcept {
    return delay_;
  }

private:
  struct subscriber {
    subscriber_id id = 0;
    std::unique_ptr<http::stream> to;
    cursor position;               // every event up to it has been written
    bool is_reading_table = false; // a page of old events is on its way
    bool is_live = false;          // it was up to date once, and has to keep up
    bool is_removed = false;       // it is over; its place is taken away in the next turn
    instant written_at{};
    follower_origin who;
    instant since{};
  };

  subscriber* find(subscriber_id which) noexcept;
  void visit(subscriber& s);
  void write_reset(subscriber& s, std::string_view reason);
  void write_from_ring(subscriber& s);
  void read_table(subscriber& s);
  void continue_from_table(subscriber_id which, const page_result& page);
  const http::byte_buffer& encoded(std::uint64_t after, std::uint64_t* reached);
  void note_delay(const std::vector<revocation_event>& events);
  void cut(subscriber& s, const char* reason);

  const hub_limits& limits_;
  const log_window& log_;
  std::vector<subscriber> subscribers_; // by id
  std::size_t removed_ = 0;
  std::size_t next_visit_ = 0;    // round robin
  std::size_t visits_left_ = 0;   // until everyone has been visited since the last news
  std::deque<subscriber_id> due_; // to be visited before the others: new ones, and those with a further page
  subscriber_id next_id_ = 1;
  std::uint64_t cut_ = 0;       // streams that did not keep up
  std::uint64_t delivered_ = 0; // events written
  metrics::histogram delay_;
  cursor delay_noted_; // of the events up to here
  // The events between two positions, encoded for all who are at the first of them.
  http::byte_buffer encoded_;
  cursor encoded_from_;
  std::uint64_t encoded_to_ = 0;
  std::size_t encoded_events_ = 0;
  bool is_encoded_ = false;
  bool is_full_page_ = false; // there was more: what follows does not change it
};

} // namespace portcullis::feed
