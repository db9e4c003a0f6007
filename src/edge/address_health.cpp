#include "edge/address_health.hpp"

#include <algorithm>
#include <cassert>

namespace portcullis::edge {

address_health::address_health(std::size_t addresses, const options& opts) : options_(opts) {
  assert(addresses > 0 && addresses <= addresses_max);
  addresses_.reserve(addresses);
  for (std::size_t i = 0; i < addresses; ++i)
    addresses_.emplace_back(backoff_options{opts.backoff_min, opts.backoff_max, opts.seed + i});
}

std::optional<std::size_t> address_health::choose(std::uint32_t tried) const noexcept {
  for (std::size_t i = 0; i < addresses_.size(); ++i)
    if (addresses_[i].is_usable && (tried & (1u << i)) == 0)
      return i;
  return std::nullopt;
}

std::optional<std::size_t> address_health::take_trial() noexcept {
  if (usable() > 0)
    return std::nullopt;
  auto found = std::find_if(addresses_.begin(), addresses_.end(), [](const state& s) { return !s.is_probed; });
  if (found == addresses_.end())
    return std::nullopt;
  found->is_probed = true;
  return static_cast<std::size_t>(found - addresses_.begin());
}

bool address_health::is_usable(std::size_t address) const noexcept {
  return addresses_[address].is_usable;
}

std::size_t address_health::usable() const noexcept {
  return static_cast<std::size_t>(
    std::count_if(addresses_.begin(), addresses_.end(), [](const state& s) { return s.is_usable; }));
}

void address_health::answered(std::size_t address) noexcept {
  addresses_[address].refusals = 0;
}

bool address_health::refused(std::size_t address, instant now) {
  auto& s = addresses_[address];
  return ++s.refusals >= options_.refusals_max && usable() > 1 && failed(address, now);
}

bool address_health::failed(std::size_t address, instant now) {
  auto& s = addresses_[address];
  if (!s.is_usable)
    return false;
  s.is_usable = false;
  s.probe_at = now + s.pause.next();
  return true;
}

std::optional<instant> address_health::next_probe() const noexcept {
  std::optional<instant> first;
  for (const auto& s : addresses_)
    if (!s.is_usable && !s.is_probed && (!first || s.probe_at < *first))
      first = s.probe_at;
  return first;
}

std::optional<std::size_t> address_health::take_probe(instant now) noexcept {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    auto& s = addresses_[i];
    if (s.is_usable || s.is_probed || s.probe_at > now)
      continue;
    s.is_probed = true;
    return i;
  }
  return std::nullopt;
}

void address_health::probed(std::size_t address, probe_outcome outcome, instant now) {
  auto& s = addresses_[address];
  s.is_probed = false;
  if (outcome == probe_outcome::ready || (outcome == probe_outcome::not_ready && usable() == 0)) {
    s.is_usable = true;
    s.refusals = 0;
    s.pause.reset();
  } else {
    s.probe_at = now + s.pause.next();
  }
}

} // namespace portcullis::edge
