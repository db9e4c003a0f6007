#pragma once

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portcullis::tracing {

/// When trouble may be told of: each kind at once and then once in `kind_interval`, and whatever the kinds, one
/// line in `interval`.
class complaint_limits {
public:
  using clock = std::chrono::steady_clock;

  static constexpr clock::duration interval = std::chrono::seconds{1};
  static constexpr clock::duration kind_interval = std::chrono::seconds{10};

  bool may_tell(std::string_view detail, clock::time_point now) noexcept {
    if (now < next_)
      return false;
    const std::uint64_t kind = kind_of(detail);
    auto known = std::find_if(kinds_.begin(), kinds_.end(), [=](const told& one) { return one.kind == kind; });
    if (known == kinds_.end())
      known = std::min_element(kinds_.begin(), kinds_.end(),
                               [](const told& a, const told& b) { return a.next < b.next; });
    else if (now < known->next)
      return false;
    *known = {kind, now + kind_interval};
    next_ = now + interval;
    return true;
  }

private:
  struct told {
    std::uint64_t kind = 0;
    clock::time_point next = clock::time_point::min();
  };

  /// Of the words alone (FNV-1a): numbers are counts and times, but for those that are as long as a status.
  static std::uint64_t kind_of(std::string_view detail) noexcept {
    constexpr std::size_t status_length = 3;
    std::uint64_t hash = 0xcbf29ce484222325;
    while (!detail.empty()) {
      const auto end = std::find_if_not(detail.begin(), detail.end(), ascii::is_digit);
      const auto digits = static_cast<std::size_t>(end - detail.begin());
      const auto taken = std::max<std::size_t>(digits, 1);
      if (digits == 0 || digits == status_length)
        for (const char c : detail.substr(0, taken))
          hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      detail.remove_prefix(taken);
    }
    return hash;
  }

  std::array<told, 16> kinds_{};
  clock::time_point next_ = clock::time_point::min();
};

} // namespace portcullis::tracing
