#pragma once

#include "core/model.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace portcullis::edge {

/// How far this edge has read the revocation log: what every load must be answered from at least.
///
/// The log source notes a position before it hands the page over, so before the cache applies any event of it. A
/// load that the cache stamps after it applied an event therefore always carries a position at or after that
/// event, and a replica that has not seen the event cannot answer it. (Noted afterwards, by a sink that hears of
/// progress behind the cache, a load between the two would carry too little.) Thread-safe.
class log_position {
public:
  void note(cursor reached) {
    std::lock_guard<std::mutex> guard{mutex_};
    if (!reached_ || reached_->epoch != reached.epoch || reached_->seq < reached.seq)
      reached_ = reached;
  }

  std::optional<cursor> get() const {
    std::lock_guard<std::mutex> guard{mutex_};
    return reached_;
  }

private:
  mutable std::mutex mutex_;
  std::optional<cursor> reached_; // nothing before the first position
};

using log_position_ptr = std::shared_ptr<log_position>;

} // namespace portcullis::edge
