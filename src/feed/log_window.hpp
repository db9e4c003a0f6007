#pragma once

#include "core/event_ring.hpp"
#include "core/operations.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace portcullis::feed {

using page_result = result<store::read_events::result>;

/// Asks for a page of the log from the table; `then` is called later, once.
using page_reader = std::function<void(const store::read_events& ask, std::function<void(page_result)> then)>;

/// The revocation log as followers see it: recent events from the ring, because it is on the same thread as those
/// who read it; what is older from the table, a page at a time.
class log_window {
public:
  log_window(std::size_t ring_events_max, page_reader read_page, std::function<instant()> now);

  /// Events that follow what came before; `as_of` is when the read began that found no more, if it was one.
  /// Whether there is anything new.
  bool append(const std::vector<revocation_event>& events, cursor position, std::optional<instant> as_of);

  /// The log does not continue what came before.
  void start_over(cursor position, std::string reason);

  /// False before the first `start_over`: nobody can follow yet.
  bool has_position() const noexcept {
    return has_position_;
  }

  const event_ring& ring() const noexcept {
    return ring_;
  }

  /// Why it started over.
  const std::string& reset_reason() const noexcept {
    return reset_reason_;
  }

  /// How long ago the last complete read of the log began; nothing before the first.
  std::optional<std::chrono::nanoseconds> age() const;

  void read_page(const store::read_events& ask, std::function<void(page_result)> then) const {
    read_page_(ask, std::move(then));
  }

  /// A page up to the ring's end. What the table has beyond it the cache here may not have applied yet, and nobody
  /// is to hear of a revocation from a replica that does not honour it: it comes by the ring, in a moment.
  store::read_events::result up_to_ring(store::read_events::result page) const;

  instant now() const {
    return now_();
  }

private:
  page_reader read_page_;
  std::function<instant()> now_;
  event_ring ring_;
  bool has_position_ = false;
  std::string reset_reason_;
  std::optional<instant> as_of_;
};

} // namespace portcullis::feed
