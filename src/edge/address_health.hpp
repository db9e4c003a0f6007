#pragma once

#include "core/backoff.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace portcullis::edge {

enum class probe_outcome : std::uint8_t {
  ready,     // use the address again
  not_ready, // it answers, but not as it should: to be used if there is no other
  silent,
};

/// Which of several addresses can be used: a circuit breaker for each. Pure: time is an argument. Not thread-safe.
class address_health {
public:
  struct options {
    std::chrono::nanoseconds backoff_min = std::chrono::milliseconds{50};
    std::chrono::nanoseconds backoff_max = std::chrono::seconds{2};
    unsigned refusals_max = 3;
    std::uint32_t seed = 1;
  };

  address_health(std::size_t addresses, const options& opts);

  /// The first usable address that is not in `tried` (a bit per address).
  std::optional<std::size_t> choose(std::uint32_t tried) const noexcept;

  /// When no address is usable, a request may be the probe: the first address that nothing is trying, whether its
  /// pause is over or not; `probed` is to be called with the outcome. So what broke one connection does not fail
  /// everybody for a pause, and an address that hangs holds one request at a time.
  std::optional<std::size_t> take_trial() noexcept;

  bool is_usable(std::size_t address) const noexcept;
  std::size_t usable() const noexcept;

  /// The address answered.
  void answered(std::size_t address) noexcept;

  /// It answered that it cannot serve (5xx). Returns whether it has failed by that just now. The last usable
  /// address never does: its answers are better than none.
  bool refused(std::size_t address, instant now);

  /// It did not answer. Returns whether it was usable until now.
  bool failed(std::size_t address, instant now);

  /// When the next probe is due; nothing while every address is usable or being probed.
  std::optional<instant> next_probe() const noexcept;

  /// Takes an address whose probe is due; `probed` is to be called with the outcome.
  std::optional<std::size_t> take_probe(instant now) noexcept;
  void probed(std::size_t address, probe_outcome outcome, instant now);

  static constexpr std::size_t addresses_max = 16;

private:
  struct state {
    explicit state(const backoff_options& opts) : pause(opts) {}

    bool is_usable = true;
    bool is_probed = false; // a probe is out
    unsigned refusals = 0;  // in a row
    backoff pause;
    instant probe_at{};
  };

  options options_;
  std::vector<state> addresses_;
};

} // namespace portcullis::edge
