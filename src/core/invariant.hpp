#pragma once

#ifdef PORTCULLIS_FAILPOINTS

#include <cstdio>
#include <cstdlib>

namespace portcullis::detail {

[[noreturn]] inline void invariant_broken(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
  std::abort();
}

} // namespace portcullis::detail

/// Ends the process when a condition that must always hold does not. Checked in instrumented builds only.
#define PORTCULLIS_INVARIANT(condition)                                                                           \
  do {                                                                                                            \
    if (!(condition))                                                                                             \
      ::portcullis::detail::invariant_broken(#condition, __FILE__, __LINE__);                                     \
  } while (false)

#else

/// Ends the process when a condition that must always hold does not. Checked in instrumented builds only.
#define PORTCULLIS_INVARIANT(condition)                                                                           \
  do {                                                                                                            \
    (void)(true || (condition));                                                                                  \
  } while (false)

#endif
