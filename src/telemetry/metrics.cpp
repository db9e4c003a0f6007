#include "telemetry/metrics.hpp"

#include <algorithm>
#include <numeric>
#include <prometheus/text_serializer.h>
#include <utility>

namespace portcullis::metrics {

namespace {

prometheus::MetricType to_prometheus(kind k) noexcept {
  switch (k) {
  case kind::counter:
    return prometheus::MetricType::Counter;
  case kind::gauge:
    return prometheus::MetricType::Gauge;
  case kind::histogram:
    return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram to_prometheus(const histogram& h) {
  prometheus::ClientMetric::Histogram out;
  out.sample_count = h.count();
  out.sample_sum = h.sum_seconds();
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < latency_bounds_ns.size(); ++i) {
    cumulative += h.counts()[i];
    out.bucket.push_back({cumulative, static_cast<double>(latency_bounds_ns[i]) / 1e9});
  }
  return out; // the serializer adds the bucket `+Inf` from the count
}

prometheus::ClientMetric to_prometheus(const sample& s, kind k) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : s.labels)
    out.label.push_back({name, value});
  if (k == kind::histogram)
    out.histogram = to_prometheus(s.distribution);
  else if (k == kind::counter)
    out.counter.value = s.value;
  else
    out.gauge.value = s.value;
  return out;
}

} // namespace

void histogram::observe(std::chrono::nanoseconds latency) noexcept {
  const std::int64_t ns = std::max<std::int64_t>(latency.count(), 0);
  const auto bucket = std::lower_bound(latency_bounds_ns.begin(), latency_bounds_ns.end(), ns);
  ++counts_[static_cast<std::size_t>(bucket - latency_bounds_ns.begin())];
  sum_ns_ += static_cast<std::uint64_t>(ns);
}

std::uint64_t histogram::count() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void snapshot::add(metrics::kind k, std::string_view name, std::string_view help, double value, labels l) {
  find_or_add(name, help, k).samples.push_back({std::move(l), value, {}});
}

void snapshot::histogram(std::string_view name, std::string_view help, const metrics::histogram& value, labels l) {
  find_or_add(name, help, kind::histogram).samples.push_back({std::move(l), 0, value});
}

void snapshot::append(const snapshot& other) {
  for (const family& theirs : other.families_) {
    family& ours = find_or_add(theirs.name, theirs.help, theirs.kind);
    ours.samples.insert(ours.samples.end(), theirs.samples.begin(), theirs.samples.end());
  }
}

family& snapshot::find_or_add(std::string_view name, std::string_view help, metrics::kind k) {
  const auto known =
    std::find_if(families_.begin(), families_.end(), [&](const family& f) { return f.name == name; });
  if (known != families_.end())
    return *known;
  return families_.emplace_back(family{std::string{name}, std::string{help}, k, {}});
}

std::string render(const snapshot& s) {
  std::vector<prometheus::MetricFamily> families;
  for (const family& f : s.families()) {
    prometheus::MetricFamily out{f.name, f.help, to_prometheus(f.kind), {}};
    for (const sample& one : f.samples)
      out.metric.push_back(to_prometheus(one, f.kind));
    families.push_back(std::move(out));
  }
  return prometheus::TextSerializer{}.Serialize(families);
}

} // namespace portcullis::metrics
