#include "app/core_dumps.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace portcullis {

void leave_no_core_dumps() noexcept {
  const rlimit none{0, 0};
  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
  // The limit does not hold for a dump that is piped to a program. No kind of memory goes into it.
  const int filter = ::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
  if (filter == -1)
    return;
  [[maybe_unused]] const auto written = ::write(filter, "0", 1);
  ::close(filter);
}

} // namespace portcullis
