#pragma once

#include "trust/siphash.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::trust {

/// So many requests in so many seconds: a bucket of `requests` tokens that fills up in `window_s`.
struct quota {
  std::uint32_t requests = 1; // at least 1
  std::uint32_t window_s = 1; // at least 1
};

/// What the limiter says to one request, and what the client is told of it.
struct rate_decision {
  bool is_allowed = true;
  std::uint32_t remaining = 0; // requests that would be allowed now
  std::uint32_t reset_s = 0;   // until the bucket is full; when refused, until the next request is allowed

  /// Of a refusal, at least 1: `Retry-After`.
  std::uint32_t retry_after_s() const noexcept {
    return reset_s;
  }
};

/// `RateLimit-Policy: "name";q=100;w=60` (draft-ietf-httpapi-ratelimit-headers-09). The name is made of letters,
/// digits and hyphens.
std::string render_rate_policy(std::string_view name, const quota& allowed);

/// `RateLimit: "name";r=99;t=1`
std::string render_rate_limit(std::string_view name, const rate_decision& decision);

/// Token buckets for any number of keys in memory that does not grow: one limiter for each limit.
///
/// A bucket is one number: the instant at which it will be full again (the "theoretical arrival time" of the
/// generic cell rate algorithm, ITU-T I.371). A request moves it `window / requests` later and is allowed while it
/// lies at most one window ahead. So a full bucket needs no place: its instant has passed.
///
/// Places come in sets of four, chosen by a hash with a secret key. A new key takes a place that is free or whose
/// bucket is full, else the place whose bucket will be full first. A key that loses its place wins what was
/// missing in its bucket; with the fullest of four that is the least. Nobody is ever refused for want of a place.
class rate_limiter {
public:
  using clock = std::chrono::steady_clock;

  /// Of each 16 bytes; rounded up to a power of two.
  explicit rate_limiter(std::size_t places = std::size_t{1} << 16);

  /// A test may choose the key of the hash.
  rate_limiter(std::size_t places, const siphash_key& secret);

  /// Asks for one token of the bucket of `key`. Time must not go back by more than the process's clock does.
  rate_decision take(std::string_view key, const quota& allowed, clock::time_point now) noexcept;

  /// What `take` would say, without taking: for limits on what turns out only later (wrong guesses).
  rate_decision peek(std::string_view key, const quota& allowed, clock::time_point now) const noexcept;

  std::size_t memory_bytes() const noexcept {
    return sets_.size() * sizeof(place_set);
  }

  /// Since the start.
  std::uint64_t refusals() const noexcept {
    return refusals_;
  }
  /// Buckets that were not full and lost their place: when it grows fast, there are more busy clients than places.
  std::uint64_t evictions() const noexcept {
    return evictions_;
  }

private:
  struct place {
    std::uint64_t tag = 0;    // the hash of the key
    std::int64_t full_at = 0; // nanoseconds of the clock; in the past: free
  };
  using place_set = std::array<place, 4>;

  rate_decision decide(std::int64_t full_at, const quota& allowed, std::int64_t now_ns, bool takes) const noexcept;

  std::vector<place_set> sets_;
  siphash_key secret_;
  std::uint64_t refusals_ = 0;
  std::uint64_t evictions_ = 0;
};

} // namespace portcullis::trust
