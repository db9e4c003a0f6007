#include "app/service_manager.hpp"

#include "core/environment.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace portcullis {

namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

} // namespace

service_manager service_manager::from_environment() {
  const auto watched = environment_variable("WATCHDOG_PID");
  const bool is_ours = watched.empty() || number(watched) == static_cast<std::uint64_t>(::getpid());
  const std::chrono::microseconds watchdog{is_ours ? number(environment_variable("WATCHDOG_USEC")) : 0};
  return {std::string{environment_variable("NOTIFY_SOCKET")}, watchdog};
}

service_manager::service_manager(std::string socket, std::chrono::microseconds watchdog)
  : socket_(std::move(socket)), watchdog_(watchdog) {}

void service_manager::ready() const noexcept {
  tell("READY=1");
}

void service_manager::stopping() const noexcept {
  tell("STOPPING=1");
}

void service_manager::alive() const noexcept {
  tell("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> service_manager::alive_interval() const noexcept {
  if (socket_.empty() || watchdog_.count() <= 0)
    return std::nullopt;
  return watchdog_ / 2;
}

/// Best effort: a manager that does not listen is no reason to end.
void service_manager::tell(std::string_view state) const noexcept {
  sockaddr_un to{};
  if (socket_.empty() || socket_.size() >= sizeof to.sun_path)
    return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@')
    to.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor == -1)
    return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size);
  ::close(descriptor);
}

} // namespace portcullis
