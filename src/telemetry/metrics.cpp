#include "telemetry/metrics.hpp"

#include "core/invariant.hpp"

#include <algorithm>
#include <utility>

namespace portcullis::metrics {

void snapshot::add(const instrument& what, const histogram& value, labels l, exemplars seen) {
  family_of(what).samples.push_back({std::move(l), 0, value, std::move(seen)});
}

void snapshot::append(const snapshot& other) {
  for (const family& theirs : other.families_) {
    family& ours = family_of(*theirs.what);
    ours.samples.insert(ours.samples.end(), theirs.samples.begin(), theirs.samples.end());
  }
}

std::size_t snapshot::series() const noexcept {
  constexpr std::size_t series_of_histogram = latency_bounds_ns.size() + 3; // buckets with +Inf, sum and count
  std::size_t count = 0;
  for (const family& f : families_)
    count += f.samples.size() * (f.what->kind == kind::histogram ? series_of_histogram : 1);
  return count;
}

const instrument* snapshot::known(std::string_view name) noexcept {
  const instrument* what = find_instrument(name);
  PORTCULLIS_INVARIANT(what != nullptr);
  return what;
}

family& snapshot::family_of(const instrument& what) {
  const auto known =
    std::find_if(families_.begin(), families_.end(), [&](const family& f) { return f.what->name == what.name; });
  if (known != families_.end())
    return *known;
  return families_.emplace_back(family{&what, {}});
}

} // namespace portcullis::metrics
