#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace portcullis {

/// Tells systemd how the process is: `NAME=value` in a datagram to the socket that NOTIFY_SOCKET names, as
/// sd_notify(3) and sd_watchdog_enabled(3) describe. Without that variable nobody asks, and nothing is sent.
class service_manager {
public:
  static service_manager from_environment();

  /// `socket`: a path, or a name in the abstract namespace after an `@`; empty: nobody asks. `watchdog`: how long
  /// it waits for a sign of life; 0: it wants none.
  service_manager(std::string socket, std::chrono::microseconds watchdog);

  void ready() const noexcept;    // everything is served
  void stopping() const noexcept; // an orderly stop has begun
  void alive() const noexcept;

  /// How often it is to be told that the process lives, if it is.
  std::optional<std::chrono::microseconds> alive_interval() const noexcept;

private:
  void tell(std::string_view state) const noexcept;

  std::string socket_;
  std::chrono::microseconds watchdog_;
};

} // namespace portcullis
