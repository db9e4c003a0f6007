#pragma once

#include "actors/domain_fixture.hpp"

#include <chrono>
#include <utility>

namespace portcullis::test {

/// A wall clock and a monotonic one that stand still until the test moves them, together.
struct moving_clock {
  static inline std::chrono::microseconds elapsed{0};

  static timestamp wall_clock() {
    return fixed_sources::wall_clock() + elapsed;
  }

  static instant monotonic() {
    return at(0) + elapsed;
  }

  /// From the beginning. Ids are made by a wall clock that never moves where a test has to know their time.
  static sources make(timestamp (*wall)() = fixed_sources::wall_clock) {
    elapsed = std::chrono::microseconds{0};
    fixed_sources::next_byte = 0;
    return {wall, monotonic, fixed_sources::random};
  }
};

/// A domain actor that does something by itself from time to time.
struct timed_fixture : domain_fixture {
  void move_clocks(std::chrono::microseconds time) {
    moving_clock::elapsed += time;
  }

  void run_timers(std::chrono::microseconds time) {
    sched.clock().advance_time(time);
    sched.run();
  }

  /// Time passes, for those who look at the clock and for timers.
  void pass(std::chrono::microseconds time) {
    move_clocks(time);
    run_timers(time);
  }

  template <class Question, class Result>
  void reply(Question asked, Result result) {
    asked.answer(std::move(result));
    sched.run();
  }

  template <class Question>
  void refuse(Question asked) {
    asked.fail(errc::database_unavailable);
    sched.run();
  }
};

} // namespace portcullis::test
