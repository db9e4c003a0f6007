// Preloaded into a process: its wall clock is SHIFTED_CLOCK_S seconds ahead of everybody else's (behind, if that
// is negative), and the monotonic clocks stay as they are. Or the first two numbers (64 bits) of
// SHIFTED_CLOCK_FILE are how many seconds its wall clock and the clock that counts from the boot are ahead: they
// can be changed while it runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

struct shift {
  std::int64_t wall_s = 0;
  std::int64_t boot_s = 0;
};

const volatile shift* find_shift() {
  static shift fixed;
  if (const auto* path = std::getenv("SHIFTED_CLOCK_FILE")) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    void* shared = file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(shift), PROT_READ, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
      std::abort();
    close(file);
    return static_cast<const volatile shift*>(shared);
  }
  const auto* text = std::getenv("SHIFTED_CLOCK_S");
  fixed.wall_s = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
  return &fixed;
}

const volatile shift& ahead() {
  static const auto* found = find_shift();
  return *found;
}

} // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static auto next = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  auto result = next(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += ahead().wall_s;
  if (result == 0 && clock == CLOCK_BOOTTIME)
    time->tv_sec += ahead().boot_s;
  return result;
}

extern "C" int gettimeofday(timeval* time, void* zone) noexcept {
  static auto next = reinterpret_cast<int (*)(timeval*, void*)>(dlsym(RTLD_NEXT, "gettimeofday"));
  auto result = next(time, zone);
  if (result == 0)
    time->tv_sec += ahead().wall_s;
  return result;
}
