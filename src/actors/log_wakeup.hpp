#pragma once

#include <memory>

namespace portcullis {

/// Wakes the revocation feed, whose thread waits for sockets and so does not see its mailbox: an eventfd.
/// It says "there is something new in the log, or in your mailbox"; many notifications are one. Thread-safe.
class log_wakeup {
public:
  log_wakeup();
  ~log_wakeup();
  log_wakeup(const log_wakeup&) = delete;
  log_wakeup& operator=(const log_wakeup&) = delete;

  void notify() noexcept;

  /// Whether it was notified since the last call.
  bool consume() noexcept;

  /// For poll(2): readable when it was notified.
  int descriptor() const noexcept;

private:
  int fd_;
};

using log_wakeup_ptr = std::shared_ptr<log_wakeup>;

} // namespace portcullis
