#pragma once

#include "http/router.hpp"
#include "http/server/connection.hpp"
#include "telemetry/metrics.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace portcullis::http {

/// What was answered on each route, how often and how fast; and the line in the log for it.
class request_numbers {
public:
  /// After the routes are known.
  void size_for(std::size_t routes);

  void count(const exchange& x, instant now);

  void add_to(metrics::snapshot& s, const router& routes) const;

private:
  struct entry {
    std::vector<std::pair<int, std::uint64_t>> by_status;
    metrics::histogram latency;
  };

  static std::string_view name_of(const exchange& x) noexcept;
  static void write_log_line(const exchange& x, instant now);

  std::vector<entry> entries_{1}; // the first is of requests without a route
};

} // namespace portcullis::http
