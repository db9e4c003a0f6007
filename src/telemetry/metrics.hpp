#pragma once

#include "telemetry/histogram.hpp"
#include "telemetry/instruments.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Numbers about the service. Each thread owns its counters as plain integers and adds them, when it is asked,
/// to a `snapshot`, which is written for Prometheus or handed to an OpenTelemetry exporter.
namespace portcullis::metrics {

/// Names as OpenTelemetry writes them, `http.route`; Prometheus gets an underscore for each dot.
using labels = std::vector<std::pair<std::string, std::string>>;

struct sample {
  metrics::labels labels;
  double value = 0;                // of all but histograms
  metrics::histogram distribution; // histogram
  metrics::exemplars exemplars;    // of a histogram, one for each bucket, or none
};

/// The samples of one name.
struct family {
  const instrument* what = nullptr;
  std::vector<sample> samples;
};

/// The numbers of one moment, as values. Samples of one name are gathered in one family, in the order of their
/// first mention.
class snapshot {
public:
  /// Counts beyond 2^53 lose their last digits.
  template <class Number>
  void add(const instrument& what, Number value, labels l = {}) {
    family_of(what).samples.push_back({std::move(l), static_cast<double>(value), histogram{}, {}});
  }
  void add(const instrument& what, const histogram& value, labels l = {}, exemplars seen = {});

  /// By the name of an instrument that is in the list; any other is a defect and is left out.
  template <class Number>
  void add(std::string_view name, const Number& value, labels l = {}, exemplars seen = {}) {
    if (const instrument* what = known(name)) {
      if constexpr (std::is_same_v<Number, histogram>)
        add(*what, value, std::move(l), std::move(seen));
      else
        add(*what, value, std::move(l));
    }
  }

  /// Adds the samples of another snapshot.
  void append(const snapshot& other);

  const std::vector<family>& families() const noexcept {
    return families_;
  }

  /// How many series Prometheus makes of it.
  std::size_t series() const noexcept;

private:
  static const instrument* known(std::string_view name) noexcept;
  family& family_of(const instrument& what);

  std::vector<family> families_;
};

/// Adds what the operating system knows of this process: CPU time, resident and virtual memory, open and possible
/// file descriptors, threads, start time.
void collect_process(snapshot& s);

} // namespace portcullis::metrics
