#pragma once

#include "core/model.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace portcullis::api {

/// Requests that want an answer no older than a cursor ("read your own revocation"). The cache hears of each event
/// before the front does, so once the front has read that far the cache will do. Else the database is to be asked,
/// by a read that begins after the request came: it sees every revocation whose cursor was handed out by then. The
/// log is waited for a moment, since it is mostly on its way and costs no read.
class cursor_wait {
public:
  /// Called once: whether the log has reached the cursor.
  using continuation = std::function<void(bool is_reached)>;

  cursor_wait(std::size_t waiting_max, std::function<instant()> now);

  /// Where the log was read up to.
  void reach(cursor position);

  /// Whether the log was read up to `wanted`.
  bool is_reached(const cursor& wanted) const noexcept;

  /// Continues when the log gets there or `until` has come, at once if it is of no use to wait.
  void wait(const cursor& wanted, instant until, continuation then);

  /// The delay of a timer that is to be set now, if one is: one for all who wait, as of the first of them.
  std::optional<std::chrono::nanoseconds> arm();

  /// Ends the wait of those whose time has come.
  void expire();

  std::optional<cursor> position() const noexcept {
    return position_;
  }

private:
  struct waiting {
    cursor wanted;
    instant until{};
    continuation then;
  };

  bool is_worth_waiting(const cursor& wanted) const noexcept;
  void resume();

  std::size_t waiting_max_;
  std::function<instant()> now_;
  std::optional<cursor> position_;
  std::vector<waiting> waiting_;       // in the order of their coming
  std::optional<instant> armed_until_; // of the timer that runs
};

} // namespace portcullis::api
