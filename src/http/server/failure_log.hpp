#pragma once

#include "core/error.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

/// Tells in the log why requests are answered with 500 and more: the first failure of a kind at once, and then one
/// in each interval, with the number of those between. A kind is a code and, where the database has refused
/// something, its SQLSTATE.
class failure_log {
public:
  /// More kinds than these are told as one.
  static constexpr std::size_t kinds_max = 64;

  void note(const failure& why, std::string_view route, std::string_view request_id, instant now);

private:
  struct kind {
    errc code = errc::none;
    std::string sqlstate;
    instant told_at = instant::min();
    std::uint64_t untold = 0;
  };

  kind& kind_of(const failure& why);

  std::vector<kind> kinds_;
};

} // namespace portcullis::http
