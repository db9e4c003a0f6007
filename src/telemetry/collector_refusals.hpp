#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>
#include <string_view>

/// A collector that asks to be left alone for a while (OTLP 1.x, "Failures" and "OTLP/HTTP Throttling").
namespace portcullis::tracing {

/// An answer of 429, 502, 503 or 504: what was sent has not been taken, and is to be sent again later.
struct refusal {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after; // none where the answer has no such time ahead
};

/// Nothing for any other status. `retry_after`: the value of that header field, a number of seconds or a date;
/// empty where there is none.
std::optional<refusal> as_refusal(int status, std::string_view retry_after,
                                  std::time_t now = std::time(nullptr)) noexcept;

/// Out of what the SDK complains of, which is where it tells the answer of a collector:
/// `… Export failed, Status:429, Header:⇥retry-after: 1,⇥…,Body:…`.
std::optional<refusal> parse_refusal(std::string_view complaint) noexcept;

/// The longest wait for a collector, whatever it asks for.
inline constexpr std::chrono::seconds refusal_wait_max{60};

/// When the collector may be asked again: one for all signals, which go to one collector. Thread-safe.
class collector_refusals {
public:
  using clock = std::chrono::steady_clock;

  /// Waits as long as it says; else for 1 s, and twice as long with each refusal in a row.
  void note(const refusal& r, clock::time_point now = clock::now());

  /// Whether there is a refusal while `send` runs. One signal sends after the other, since the SDK neither says
  /// whose refusal it complains of nor returns that there was one.
  template <class Send>
  bool refuses(Send&& send) {
    const std::lock_guard one_at_a_time{sending_};
    const auto before = count();
    send();
    const bool is_refused = count() != before;
    if (!is_refused)
      taken();
    return is_refused;
  }

  bool is_waiting(clock::time_point now = clock::now()) const;

  /// Blocks until the collector may be asked; false as soon as, and whenever, the end has come.
  bool wait();

  /// From here on nobody waits.
  void end();

  /// As if it were new.
  void begin();

private:
  std::uint64_t count() const;
  void taken();

  std::mutex sending_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  clock::time_point until_ = clock::time_point::min();
  unsigned in_a_row_ = 0;
  std::uint64_t count_ = 0;
  bool has_ended_ = false;
};

/// The process's own.
collector_refusals& refusals_of_the_collector();

/// How one signal sends its batches, in its exporter's thread. Bounded: one batch waits here, the others in the
/// SDK's queue, which drops what is too many.
class retry_policy {
public:
  using clock = std::chrono::steady_clock;

  static constexpr int attempts_max = 5; // at most `refusal_wait_max` apart

  /// `last_sends_max`: once the end has come, nothing more is sent after sending took so long.
  explicit retry_policy(collector_refusals& refusals, clock::duration last_sends_max = std::chrono::seconds{1})
    : refusals_{refusals}, last_sends_max_{last_sends_max} {}

  /// Calls `send`, which returns whether the collector took the batch, and again while the collector is too busy.
  /// What has no answer is not sent again: the collector may have it. Returns whether the batch was taken.
  template <class Send>
  bool send(Send&& send) {
    for (int attempt = 1;; ++attempt) {
      const bool may_wait = refusals_.wait();
      if (!may_wait && last_sends_ >= last_sends_max_)
        return false;
      bool is_taken = false;
      const bool is_refused = refusals_.refuses([&] {
        const auto began = clock::now();
        is_taken = send();
        if (!may_wait)
          last_sends_ += clock::now() - began;
      });
      if (!is_refused)
        return is_taken;
      if (!may_wait || attempt == attempts_max)
        return false;
    }
  }

private:
  collector_refusals& refusals_;
  const clock::duration last_sends_max_;
  clock::duration last_sends_{}; // how long sending took since the end has come
};

} // namespace portcullis::tracing
