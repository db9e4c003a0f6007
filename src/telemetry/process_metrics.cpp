#include "telemetry/metrics.hpp"

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace portcullis::metrics {

namespace {

// The numbers of /proc/self/stat that are reported, see proc(5).
struct process_stat {
  double threads = 0;
  double start_seconds = 0; // after boot
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

bool read_stat(process_stat* out) {
  std::ifstream file{"/proc/self/stat"};
  std::string text;
  std::getline(file, text, '\0'); // all of it
  // The second field, the program's name in parentheses, may hold anything; the third follows its end.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos)
    return false;
  std::istringstream rest{text.substr(name_end + 1)};
  std::string skipped;
  const auto skip = [&](int fields) {
    while (fields-- > 0)
      rest >> skipped;
  };
  double start_ticks = 0;
  double resident_pages = 0;
  skip(17); // to field 20
  rest >> out->threads;
  skip(1);
  rest >> start_ticks >> out->virtual_bytes >> resident_pages;
  out->start_seconds = start_ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  out->resident_bytes = resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return !rest.fail();
}

double seconds(clockid_t clock) noexcept {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

std::uint64_t count_open_descriptors() {
  std::error_code ec;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator it{"/proc/self/fd", ec}, end; !ec && it != end; it.increment(ec))
    ++count;
  return count > 0 ? count - 1 : 0; // without the one that the listing itself holds
}

} // namespace

void collect_process(snapshot& s) {
  s.add("process_cpu_seconds_total", seconds(CLOCK_PROCESS_CPUTIME_ID));
  s.add("process_open_fds", count_open_descriptors());
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    s.add("process_max_fds", static_cast<double>(files.rlim_cur));
  process_stat stat;
  if (!read_stat(&stat))
    return;
  s.add("process_threads", stat.threads);
  s.add("process_virtual_memory_bytes", stat.virtual_bytes);
  s.add("process_resident_memory_bytes", stat.resident_bytes);
  s.add("process_start_time_seconds", seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + stat.start_seconds);
}

} // namespace portcullis::metrics
