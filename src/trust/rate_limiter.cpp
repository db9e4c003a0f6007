#include "trust/rate_limiter.hpp"

#include "core/token.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace portcullis::trust {

namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

siphash_key random_key() {
  siphash_key key{};
  fill_random(reinterpret_cast<std::uint8_t*>(key.data()), sizeof key);
  return key;
}

std::size_t sets_for(std::size_t places) noexcept {
  std::size_t sets = 1;
  while (sets * 4 < places)
    sets *= 2;
  return sets;
}

std::int64_t ns_of(rate_limiter::clock::time_point t) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

std::int64_t window_ns(const quota& allowed) noexcept {
  return static_cast<std::int64_t>(allowed.window_s) * ns_per_s;
}

/// What one request takes: the time in which the bucket gains one token.
std::int64_t step_ns(const quota& allowed) noexcept {
  assert(allowed.requests > 0 && allowed.window_s > 0);
  return std::max<std::int64_t>(window_ns(allowed) / allowed.requests, 1);
}

std::uint32_t seconds_up(std::int64_t ns) noexcept {
  const auto seconds = (std::max<std::int64_t>(ns, 0) + ns_per_s - 1) / ns_per_s;
  return static_cast<std::uint32_t>(std::min<std::int64_t>(seconds, std::numeric_limits<std::uint32_t>::max()));
}

} // namespace

std::string render_rate_policy(std::string_view name, const quota& allowed) {
  return '"' + std::string{name} + "\";q=" + std::to_string(allowed.requests)
         + ";w=" + std::to_string(allowed.window_s);
}

std::string render_rate_limit(std::string_view name, const rate_decision& decision) {
  return '"' + std::string{name} + "\";r=" + std::to_string(decision.remaining)
         + ";t=" + std::to_string(decision.reset_s);
}

rate_limiter::rate_limiter(std::size_t places) : rate_limiter(places, random_key()) {}

rate_limiter::rate_limiter(std::size_t places, const siphash_key& secret)
  : sets_(sets_for(places)), secret_(secret) {}

rate_decision rate_limiter::take(std::string_view key, const quota& allowed, clock::time_point now) noexcept {
  const auto now_ns = ns_of(now);
  const auto tag = siphash(secret_, key);
  auto& set = sets_[tag & (sets_.size() - 1)];
  auto found = std::find_if(set.begin(), set.end(), [tag](const place& p) { return p.tag == tag; });
  if (found == set.end()) {
    found = std::min_element(set.begin(), set.end(),
                             [](const place& a, const place& b) { return a.full_at < b.full_at; });
    evictions_ += found->full_at > now_ns ? 1 : 0;
    *found = {tag, now_ns};
  }
  // A quota may have changed since: at worst the bucket is empty, never in debt.
  found->full_at = std::clamp(found->full_at, now_ns, now_ns + window_ns(allowed));
  const auto decision = decide(found->full_at, allowed, now_ns, true);
  if (decision.is_allowed)
    found->full_at += step_ns(allowed);
  else
    ++refusals_;
  return decision;
}

rate_decision rate_limiter::peek(std::string_view key, const quota& allowed,
                                 clock::time_point now) const noexcept {
  const auto now_ns = ns_of(now);
  const auto tag = siphash(secret_, key);
  const auto& set = sets_[tag & (sets_.size() - 1)];
  const auto found = std::find_if(set.begin(), set.end(), [tag](const place& p) { return p.tag == tag; });
  return decide(found == set.end() ? now_ns : std::max(found->full_at, now_ns), allowed, now_ns, false);
}

/// `full_at` is not before `now_ns`. `takes`: what is told is what remains after this request.
rate_decision rate_limiter::decide(std::int64_t full_at, const quota& allowed, std::int64_t now_ns,
                                   bool takes) const noexcept {
  const auto step = step_ns(allowed);
  const auto missing = std::min(full_at - now_ns, window_ns(allowed));
  const auto room = window_ns(allowed) - missing;
  if (room < step)
    return {false, 0, std::max(seconds_up(step - room), 1u)};
  const auto used = takes ? step : 0;
  const auto remaining = static_cast<std::uint64_t>((room - used) / step);
  return {true, static_cast<std::uint32_t>(std::min<std::uint64_t>(remaining, allowed.requests)),
          seconds_up(missing + used)};
}

} // namespace portcullis::trust
