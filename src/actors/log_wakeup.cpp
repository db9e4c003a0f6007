#include "actors/log_wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace portcullis {

log_wakeup::log_wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

log_wakeup::~log_wakeup() {
  ::close(fd_);
}

void log_wakeup::notify() noexcept {
  std::uint64_t one = 1;
  // The only failure is a counter at its maximum, and then the wakeup is ringing already.
  [[maybe_unused]] auto written = ::write(fd_, &one, sizeof one);
}

bool log_wakeup::consume() noexcept {
  std::uint64_t rings = 0;
  return ::read(fd_, &rings, sizeof rings) == sizeof rings;
}

int log_wakeup::descriptor() const noexcept {
  return fd_;
}

} // namespace portcullis
