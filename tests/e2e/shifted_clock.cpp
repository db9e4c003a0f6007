// Preloaded into a service: its wall clock is SHIFTED_CLOCK_S seconds ahead of everybody else's (behind, if that
// is negative). The monotonic clocks stay as they are.
#include <dlfcn.h>

#include <cstdlib>
#include <ctime>

namespace {

std::time_t read_shift() {
  const auto* text = std::getenv("SHIFTED_CLOCK_S");
  return text != nullptr ? std::strtol(text, nullptr, 10) : 0;
}

} // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static auto next = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  static const auto shift = read_shift();
  auto result = next(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += shift;
  return result;
}
