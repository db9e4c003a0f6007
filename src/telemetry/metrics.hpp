#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Numbers about the service. Each thread owns its counters as plain integers; whoever is asked for them adds them
/// to a `snapshot`, which is rendered for Prometheus or handed to an OpenTelemetry exporter.
namespace portcullis::metrics {

/// Upper bounds (inclusive) of the latency buckets, in nanoseconds: 10 µs to 10 s in steps of about 2.5.
inline constexpr std::array<std::int64_t, 19> latency_bounds_ns = {
  10'000,      25'000,        50'000,        100'000,       250'000,       500'000,     1'000'000,
  2'500'000,   5'000'000,     10'000'000,    25'000'000,    50'000'000,    100'000'000, 250'000'000,
  500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

/// Latencies in fixed buckets. Owned by one thread: no lock, no allocation.
class histogram {
public:
  void observe(std::chrono::nanoseconds latency) noexcept;

  /// Per bucket, not cumulative; the last counts what is above every bound.
  const std::array<std::uint64_t, latency_bounds_ns.size() + 1>& counts() const noexcept {
    return counts_;
  }
  std::uint64_t count() const noexcept;
  double sum_seconds() const noexcept {
    return static_cast<double>(sum_ns_) / 1e9;
  }

private:
  std::array<std::uint64_t, latency_bounds_ns.size() + 1> counts_{};
  std::uint64_t sum_ns_ = 0; // wraps after 584 years of latency
};

enum class kind : std::uint8_t { counter, gauge, histogram };

using labels = std::vector<std::pair<std::string, std::string>>;

struct sample {
  metrics::labels labels;
  double value = 0;                // counter and gauge
  metrics::histogram distribution; // histogram
};

/// The samples of one name.
struct family {
  std::string name;
  std::string help;
  metrics::kind kind = kind::gauge;
  std::vector<sample> samples;
};

/// The numbers of one moment, as values. Samples of one name are gathered in one family, in the order of their
/// first mention; the first mention decides about help and kind.
class snapshot {
public:
  /// `name` ends in `_total` by convention; counts beyond 2^53 lose their last digits.
  template <class Number>
  void counter(std::string_view name, std::string_view help, Number value, labels l = {}) {
    add(kind::counter, name, help, static_cast<double>(value), std::move(l));
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value, labels l = {}) {
    add(kind::gauge, name, help, static_cast<double>(value), std::move(l));
  }
  /// `name` ends in `_seconds` by convention.
  void histogram(std::string_view name, std::string_view help, const metrics::histogram& value, labels l = {});

  /// Adds the samples of another snapshot.
  void append(const snapshot& other);

  const std::vector<family>& families() const noexcept {
    return families_;
  }

private:
  void add(metrics::kind k, std::string_view name, std::string_view help, double value, labels l);
  family& find_or_add(std::string_view name, std::string_view help, metrics::kind k);

  std::vector<family> families_;
};

/// The Content-Type of what `render` gives.
inline constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The Prometheus text exposition format, version 0.0.4.
std::string render(const snapshot& s);

/// Adds what the operating system knows of this process: CPU time, resident and virtual memory, open and possible
/// file descriptors, threads, start time, under the names that Prometheus clients use.
void collect_process(snapshot& s);

} // namespace portcullis::metrics
