#pragma once

#include "core/error.hpp"
#include "core/log_page.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

/// Where the revocation feed reads from. Every call may block its thread up to its deadline; a call that fails
/// leaves the source closed, and `open` is to be called again.
namespace portcullis {

/// The revocation log, read from a cursor on.
class log_source {
public:
  virtual ~log_source() = default;

  virtual bool is_open() const = 0;
  virtual failure open(instant deadline) = 0;

  /// The end of the log.
  virtual failure position(cursor* out, instant deadline) = 0;

  /// The events after `after`, as many as the source reads at a time.
  virtual failure read(cursor after, log_page* out, instant deadline) = 0;

  enum class wake {
    notified, // by this process: something was committed here, or there is a message
    hint,     // by the keeper of the log: there is something new
    timeout,
  };

  /// Waits until there is reason to read, at most `timeout`.
  virtual wake wait(std::chrono::nanoseconds timeout) = 0;
};

/// The active sessions of one moment, for the warm-up.
class snapshot_source {
public:
  using sink = std::function<bool(std::vector<warm_session>&&)>;

  virtual ~snapshot_source() = default;

  /// Hands the sessions that are active over in parts, newest first, at most `limit`; stops early when `take`
  /// returns false.
  virtual failure stream_active(std::size_t limit, const sink& take, instant deadline) = 0;
};

/// Tells other processes that there is something new in the log. A hint, which may be lost.
class log_notifier {
public:
  virtual ~log_notifier() = default;
  virtual failure notify(instant deadline) = 0;
};

/// What a feed follows. An edge has a log only: it fills its cache by look-ups and commits nothing itself.
struct log_sources {
  std::unique_ptr<log_source> log;
  snapshot_source* snapshot = nullptr; // may be null; lives as long as `log`
  log_notifier* notifier = nullptr;    // the same
};

} // namespace portcullis
