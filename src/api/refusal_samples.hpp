#pragma once

#include "core/operations.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace portcullis::api {

/// Refused callers for the audit: a sample, since a refused caller may ask as often as it likes. Refusals of
/// one caller (or of nobody) at one route for one reason are one entry with a count. Entries are held until the
/// next `take`, a bounded number of them, and made at a bounded rate.
class refusal_samples {
public:
  using clock = std::chrono::steady_clock;

  static constexpr std::size_t held_max = 16;
  static constexpr std::size_t burst_max = 32;          // entries at once after a quiet time
  static constexpr std::chrono::seconds entry_every{5}; // and one more after each of these
  static constexpr std::chrono::seconds take_interval{1};

  /// Whether an entry is to be made of this one; if not, it is counted with what it belongs to.
  bool wants(std::string_view caller, std::string_view route, std::string_view why, clock::time_point now);

  /// The entry itself, after `wants` said so.
  void add(std::string_view route, std::string_view why, audit_origin from);

  /// What is to be written, no more often than `take_interval`.
  std::optional<store::record_audit> take(clock::time_point now);

private:
  struct sample {
    std::string_view route; // static storage, as `why`
    std::string_view why;
    audit_origin from;
    std::uint64_t more = 0;
  };

  void refill(clock::time_point now);

  std::vector<sample> held_;
  std::size_t allowed_ = burst_max;
  clock::time_point refilled_at_{};
  clock::time_point taken_at_{};
};

} // namespace portcullis::api
