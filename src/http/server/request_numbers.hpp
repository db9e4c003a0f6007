#pragma once

#include "http/router.hpp"
#include "http/server/connection.hpp"
#include "telemetry/metrics.hpp"

#include <cstddef>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace portcullis::http {

/// What was answered on each route, how often and how fast.
///
/// A series is a route, a method, a status and a scheme: all of them are from fixed sets.
class request_numbers {
public:
  /// After the routes are known.
  void size_for(std::size_t routes);

  void count(const exchange& x, instant now);

  void add_to(metrics::snapshot& s, const router& routes) const;

  /// The methods and schemes of what was answered.
  std::set<std::pair<verb, bool>> kinds() const;

private:
  struct series {
    int status = 0;
    verb method = verb::other;
    bool is_tls = false;
    metrics::histogram latency;
    metrics::exemplars exemplars;
    instant exemplar_at = instant::min();
  };
  using entry = std::vector<series>;

  static series& find_or_add(entry& of, const exchange& x);
  static void note_trace(series& of, const exchange& x, instant now);
  static void add_to(metrics::snapshot& s, const entry& all, const route* to);
  std::vector<entry> entries_{1}; // the first is of requests without a route
};

} // namespace portcullis::http
