#pragma once

#include <memory>

namespace portcullis {

/// Wakes the revocation feed, whose thread waits for sockets and so does not see its mailbox: an eventfd.
/// Ringing says "there is something new in the log, or in your mailbox"; many rings are one. Thread-safe.
class log_doorbell {
public:
  log_doorbell();
  ~log_doorbell();
  log_doorbell(const log_doorbell&) = delete;
  log_doorbell& operator=(const log_doorbell&) = delete;

  void ring() noexcept;

  /// Whether it was rung since the last call.
  bool answer() noexcept;

  /// For poll(2): readable when rung.
  int descriptor() const noexcept;

private:
  int fd_;
};

using log_doorbell_ptr = std::shared_ptr<log_doorbell>;

} // namespace portcullis
